//! The macro that generates a section's struct and reader from its key declarations.

/// Declares a section: a struct with a field per key, the list of its keys and the
/// function that reads them. A key is `name: Type = parser, clauses;`. All clauses are
/// optional; their order is:
///
/// | clause | meaning |
/// |---|---|
/// | `named "x"` | name in the file, if it differs from the field |
/// | `default "24h"` | default, as in the file without quotes; the example shows it |
/// | `or value` | default that can't be written as text |
/// | `required "add …"` | the key is required; the remedy if it is missing |
/// | `env "X"` | environment variable that overrides the file |
/// | `flag "--x" from value` | flag that overrides both, and its value, an `Option` |
///
/// `with { field: Type = value }` adds a field without a key. Expressions of `default`,
/// `named` and `required` may use the section's [`Scope`](super::section::Scope); all
/// others also the reader, the section, the arguments and, as `Option`s, the keys
/// declared above.
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
            /// The keys, in the order of `sync.toml.example`.
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

            /// Reads the section's values. `None`, after a report, if a required key is
            /// missing or invalid.
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
