//! Finds import cycles between modules.
//!
//! A file and the folder of its child modules are one node. A child may use the file of
//! its parent and the parent its children: they are one unit in several files.

use std::collections::{BTreeMap, BTreeSet};

use super::code::Source;

/// The modules of one parent: for each, the siblings it uses.
type ImportGraph<'a> = BTreeMap<&'a str, BTreeSet<String>>;

/// The import cycles among sibling modules, each as `parent: child, child`.
pub fn cycles(sources: &[Source]) -> Vec<String> {
    let mut graphs: BTreeMap<&[String], ImportGraph<'_>> = BTreeMap::new();
    for source in sources {
        for used in source.paths.iter().filter_map(|path| resolve(sources, source, &path.segments)) {
            let common = source.module.iter().zip(&used).take_while(|(left, right)| left == right).count();
            if let (Some(child), Some(sibling)) = (source.module.get(common), used.get(common)) {
                let graph = graphs.entry(&source.module[..common]).or_default();
                graph.entry(child).or_default().insert(sibling.clone());
            }
        }
    }
    let mut cycles = BTreeSet::new();
    for (parent, graph) in graphs {
        let reachable: BTreeMap<&str, BTreeSet<&str>> =
            graph.keys().map(|child| (*child, reachable(&graph, child))).collect();
        for (child, others) in &reachable {
            let reaches_back =
                |sibling: &&&str| reachable.get(**sibling).is_some_and(|reachable| reachable.contains(child));
            let cycle: Vec<&str> = others.iter().filter(reaches_back).copied().collect();
            if cycle.len() > 1 {
                cycles.insert(format!("{}: {}", parent.join("::"), cycle.join(", ")));
            }
        }
    }
    cycles.into_iter().collect()
}

/// The siblings that a child uses, directly or through others.
fn reachable<'a>(graph: &'a ImportGraph<'_>, child: &'a str) -> BTreeSet<&'a str> {
    let mut reachable = BTreeSet::new();
    let mut pending: Vec<&str> = vec![child];
    while let Some(child) = pending.pop() {
        let used = graph.get(child).into_iter().flatten().map(String::as_str);
        pending.extend(used.filter(|used| reachable.insert(*used)));
    }
    reachable
}

/// The module that defines the item named by `segments`, re-exports followed; `None` if
/// it is in another crate.
fn resolve(sources: &[Source], source: &Source, segments: &[String]) -> Option<Vec<String>> {
    let below = || {
        let child = [&source.module[..], segments].concat();
        find(sources, &child[..=source.module.len()]).is_some().then_some(child)
    };
    let mut path = source.absolute(segments).or_else(below)?;
    let is_module = |length: &usize| find(sources, &path[..*length]).is_some();
    let length = (1..=path.len()).take_while(is_module).last()?;
    let rest = path.split_off(length);
    let Some((name, rest)) = rest.split_first() else { return Some(path) };
    // A re-export leads to the file that defines the name.
    let module = find(sources, &path)?;
    let import = module.paths.iter().find(|import| import.imported_as.as_ref() == Some(name));
    import.and_then(|import| resolve(sources, module, &[&import.segments[..], rest].concat())).or(Some(path))
}

fn find<'a>(sources: &'a [Source], module: &[String]) -> Option<&'a Source> {
    sources.iter().find(|source| source.module == module)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> = files.iter().map(|(path, text)| Source::new(path, text)).collect();
        cycles(&sources)
    }

    #[test]
    fn finds_a_cycle_in_every_notation() {
        for (left, right) in [
            ("use super::b::B;", "use super::a::A;"),
            ("use crate::{y::Y, x::{Z, b::B}};", "fn f() { g(crate::x::a::A) }"),
            ("use super::B;", "fn f() -> super::Renamed { }"),
            ("use crate::x::B;", "use super::{self as parent, c::Again};"),
        ] {
            let files = [
                ("src/x/mod.rs", "mod a; mod b; mod c; pub use a::A as Renamed; pub use self::b::B;"),
                ("src/x/a.rs", left),
                ("src/x/b.rs", right),
                ("src/x/c.rs", "pub use super::a::A as Again;"),
                ("src/y.rs", ""),
            ];
            assert_eq!(found(&files), ["x: a, b"], "{left} {right}");
        }
    }

    #[test]
    fn reports_a_cycle_once_under_its_deepest_common_module() {
        let files = [
            ("src/x.rs", ""),
            ("src/x/a.rs", "use super::b::B;"),
            ("src/x/b.rs", "use super::c::deep::X;"),
            ("src/x/c.rs", "mod deep;"),
            ("src/x/c/deep.rs", "use crate::x::a::A;"),
            ("src/x/d.rs", "use super::a::A;"),
        ];
        assert_eq!(found(&files), ["x: a, b, c"]);
        let deep = [("src/y/z/a.rs", "use super::b::B;"), ("src/y/z/b.rs", "use crate::y::z::a::A;")];
        assert_eq!(found(&[&[("src/y.rs", ""), ("src/y/z.rs", "")], &deep[..]].concat()), ["y::z: a, b"]);
    }

    #[test]
    fn parent_and_child_modules_are_no_cycle() {
        let files = [
            ("src/x.rs", "mod a; mod b; pub use a::A; use b::B; pub struct X;"),
            ("src/x/a.rs", "use super::X; use super::b::B; use self::A as Same; use super::std::Z;"),
            ("src/x/b.rs", "use super::X; use std::a::A; fn f() { x.a() }"),
        ];
        assert_eq!(found(&files), [""; 0]);
    }
}
