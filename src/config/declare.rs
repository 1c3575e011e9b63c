//! From one declaration for each key to a section's struct and its reader.

/// Declares a section: a struct with a field for each key, the list of its keys, and how
/// they are read. A key is `name: Type = how its value is read, clauses;`, where the
/// clauses are, in this order, all optional:
///
/// | clause | means |
/// |---|---|
/// | `named "x"` | its name in the file, if it isn't the field's |
/// | `default "24h"` | the value if it is left out, as in the file without quotes; `sync.toml.example` shows it |
/// | `or value` | the same for a value that has no text |
/// | `required "add …"` | it must be there; the remedy if it isn't |
/// | `env "X"` | the environment variable that wins over the file |
/// | `flag "--x" from value` | the flag that wins over both, and its `Option` of a value |
///
/// `with { field: Type = value }` adds a field that no key holds. `default`, `named` and
/// `required` see the section's [`Scope`](super::section::Scope); the others also see the
/// reader, the section, the arguments and, as an `Option`, every key declared above.
macro_rules! declare_section {
    (@name $key:ident) => { stringify!($key) };
    (@name $key:ident $name:expr) => { $name };
    (@option) => { None };
    (@option $value:expr) => { Some($value.into()) };
    (@flag) => { None };
    (@flag $value:expr) => { $value.map(|value| value.to_string()) };
    (
        $(#[$doc:meta])*
        pub struct $Config:ident
            $(with { $(#[$fixed_doc:meta])* $fixed:ident: $Fixed:ty = $value:expr })?
            for $scope:ident, read($reader:ident, $section:ident $(, $arg:ident: $Arg:ty)*) {
            $(
                $(#[$key_doc:meta])*
                $key:ident: $Type:ty = $read:expr
                    $(, named $name:expr)?
                    $(, default $default:expr)?
                    $(, or $other:expr)?
                    $(, required $remedy:expr)?
                    $(, env $variable:literal)?
                    $(, flag $flag:literal from $given:expr)?;
            )*
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $Config {
            $( $(#[$fixed_doc])* pub $fixed: $Fixed, )?
            $( $(#[$key_doc])* pub $key: $Type, )*
        }

        impl $Config {
            /// The keys, in the order in which the example has them.
            pub(super) fn keys($scope: Scope) -> Vec<Key> {
                let _ = $scope;
                vec![$( Key {
                    name: declare_section!(@name $key $($name)?),
                    default: declare_section!(@option $($default)?),
                    required: declare_section!(@option $($remedy)?),
                    variable: declare_section!(@option $($variable)?),
                    flag: declare_section!(@option $($flag)?),
                } ),*]
            }

            /// The section's values. `None` if a key is missing, which is then reported.
            pub(super) fn read(
                $reader: &mut Reader<'_>,
                $section: &Section<'_>
                $(, $arg: $Arg)*
            ) -> Option<Self> {
                let $scope = $section.scope;
                let mut keys = Self::keys($scope).into_iter();
                $(
                    let key = keys.next()?;
                    let flag = declare_section!(@flag $($given)?);
                    let $key: Option<$Type> =
                        $reader.value($section, &key, flag, $read) $( .or_else(|| Some($other)) )?;
                )*
                Some(Self { $( $fixed: $value, )? $( $key: $key?, )* })
            }
        }
    };
}

pub(super) use declare_section;
