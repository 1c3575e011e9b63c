//! Modules that import each other in a circle.
//!
//! A file and the folder of its child modules are one node. A child may use its
//! parent's file and the parent its children: that is one type in several files.

use std::collections::{BTreeMap, BTreeSet};

use super::code::Source;

/// By module: which of its children each of them uses.
type Graph<'a> = BTreeMap<&'a str, BTreeSet<String>>;

/// The circles among siblings, each as `parent: child, child`.
pub fn circles(sources: &[Source]) -> Vec<String> {
    let mut graphs: BTreeMap<&[String], Graph<'_>> = BTreeMap::new();
    for source in sources {
        for used in source.paths.iter().filter_map(|path| used(sources, source, &path.segments)) {
            let common = source.module.iter().zip(&used).take_while(|(one, other)| one == other).count();
            if let (Some(child), Some(sibling)) = (source.module.get(common), used.get(common)) {
                let graph = graphs.entry(&source.module[..common]).or_default();
                graph.entry(child).or_default().insert(sibling.clone());
            }
        }
    }
    let mut circles = BTreeSet::new();
    for (parent, graph) in graphs {
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            graph.keys().map(|child| (*child, reached(&graph, child))).collect();
        for (child, others) in &reached {
            let back = |other: &&&str| reached.get(**other).is_some_and(|reached| reached.contains(child));
            let circle: Vec<&str> = others.iter().filter(back).copied().collect();
            if circle.len() > 1 {
                circles.insert(format!("{}: {}", parent.join("::"), circle.join(", ")));
            }
        }
    }
    circles.into_iter().collect()
}

/// What a child uses, and what that uses, and so on.
fn reached<'a>(graph: &'a Graph<'_>, child: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = vec![child];
    while let Some(child) = open.pop() {
        let used = graph.get(child).into_iter().flatten().map(String::as_str);
        open.extend(used.filter(|used| reached.insert(*used)));
    }
    reached
}

/// The module in which what a path names is defined; `None` if that is in
/// another crate.
fn used(sources: &[Source], source: &Source, segments: &[String]) -> Option<Vec<String>> {
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
    import.and_then(|import| used(sources, module, &[&import.segments[..], rest].concat())).or(Some(path))
}

fn find<'a>(sources: &'a [Source], module: &[String]) -> Option<&'a Source> {
    sources.iter().find(|source| source.module == module)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> = files.iter().map(|(path, text)| Source::new(path, text)).collect();
        circles(&sources)
    }

    #[test]
    fn a_circle_is_found_however_it_is_written() {
        for (one, other) in [
            ("use super::b::B;", "use super::a::A;"),
            ("use crate::{y::Y, x::{Z, b::B}};", "fn f() { g(crate::x::a::A) }"),
            ("use super::B;", "fn f() -> super::Renamed { }"),
            ("use crate::x::B;", "use super::{self as parent, c::Again};"),
        ] {
            let files = [
                ("src/x/mod.rs", "mod a; mod b; mod c; pub use a::A as Renamed; pub use self::b::B;"),
                ("src/x/a.rs", one),
                ("src/x/b.rs", other),
                ("src/x/c.rs", "pub use super::a::A as Again;"),
                ("src/y.rs", ""),
            ];
            assert_eq!(found(&files), ["x: a, b"], "{one} {other}");
        }
    }

    #[test]
    fn a_circle_of_several_is_told_once_by_its_deepest_module() {
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
    fn a_parent_and_its_children_are_no_circle() {
        let files = [
            ("src/x.rs", "mod a; mod b; pub use a::A; use b::B; pub struct X;"),
            ("src/x/a.rs", "use super::X; use super::b::B; use self::A as Same; use super::std::Z;"),
            ("src/x/b.rs", "use super::X; use std::a::A; fn f() { x.a() }"),
        ];
        assert_eq!(found(&files), [""; 0]);
    }
}
