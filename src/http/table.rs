//! The table of routes: method, path, what it needs, who answers. One list that serves requests, is printed as the
//! API's description, and is gone through by the tests of the door.

use crate::{
    base::error::Result,
    company::access::{Visitor, permissions::Permission},
};
use axum::http::Method;

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Anybody, without a sign-in.
    Public,
    /// Anybody who is signed in; what is shown is their own or narrowed.
    Authenticated,
    /// A permission of the catalogue, by name.
    Permission(&'static str),
}

impl Needs {
    /// A permission of the catalogue, by its type.
    pub const fn of<P: Permission>() -> Needs {
        Needs::Permission(P::INFO.name)
    }
    /// As the API's description says it (`x-permission`).
    pub fn word(self) -> &'static str {
        match self {
            Needs::Public => "public",
            Needs::Authenticated => "authenticated",
            Needs::Permission(name) => name,
        }
    }
}

/// One route. `path` has literals and `{parameters}`.
pub struct Route<H> {
    /// GET, POST, PUT or DELETE.
    pub method: Method,
    /// Such as `/{space}/projects/{project}`.
    pub path: &'static str,
    /// What it needs.
    pub needs: Needs,
    /// Who answers.
    pub handler: H,
}

impl<H> Route<H> {
    /// Asks for a fresh proof before anything is done, where every change by the route's permission needs one
    /// (`company/access/proving.rs`). Pages that look ask for themselves.
    ///
    /// # Errors
    /// As [`Visitor::prove_first`].
    pub fn proof(&self, visitor: &Visitor) -> Result<()> {
        match self.needs {
            Needs::Permission(name) if !matches!(self.method, Method::GET | Method::HEAD) => visitor.prove_first(name),
            _ => Ok(()),
        }
    }
}

/// The values that stand in a path for a route's parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(&'static str, String)>);

impl Parameters {
    /// The value of a parameter; empty when the route has none of that name.
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value.as_str())
    }
    /// One more parameter, or another value for one.
    pub fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, value.into()));
    }
}

/// What a path led to.
pub enum Matched<'t, H> {
    /// A route, and the values of its parameters.
    Route(&'t Route<H>, Parameters),
    /// The path exists, but not with this method; these it has.
    Method(Vec<Method>),
    /// No such path.
    Nothing,
}

/// Routes put in order for being searched: made once, when the first request comes.
pub struct Table<H> {
    /// The routes with so many segments, those together that begin alike.
    by_length: Vec<Vec<Group<H>>>,
}

/// The routes of one length whose first two parts are the same: most paths are told apart by these.
struct Group<H> {
    head: [Part; 2],
    entries: Vec<Entry<H>>,
}

struct Entry<H> {
    route: Route<H>,
    parts: Vec<Part>,
}

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Literal(&'static str),
    Parameter(&'static str),
}

impl Part {
    fn fits(self, segment: &str) -> bool {
        match self {
            Part::Literal(literal) => literal.eq_ignore_ascii_case(segment),
            Part::Parameter(_) => true,
        }
    }
}

/// The first two parts; what is not there, and whatever a parameter is called, is one for all.
fn head(parts: &[Part]) -> [Part; 2] {
    [0, 1].map(|place| match parts.get(place) {
        Some(literal @ Part::Literal(_)) => *literal,
        _ => Part::Parameter(""),
    })
}

fn parts(path: &'static str) -> Vec<Part> {
    let parts = path.split('/').filter(|part| !part.is_empty());
    let parameter = |part: &'static str| part.strip_prefix('{')?.strip_suffix('}');
    parts.map(|part| parameter(part).map_or(Part::Literal(part), Part::Parameter)).collect()
}

impl<H> Table<H> {
    /// From the list on one screen.
    pub fn new(routes: Vec<Route<H>>) -> Table<H> {
        let mut by_length: Vec<Vec<Group<H>>> = Vec::new();
        for route in routes {
            let parts = parts(route.path);
            by_length.resize_with(by_length.len().max(parts.len() + 1), Vec::new);
            let groups = &mut by_length[parts.len()];
            let head = head(&parts);
            let entry = Entry { route, parts };
            match groups.iter_mut().find(|group| group.head == head) {
                Some(group) => group.entries.push(entry),
                None => groups.push(Group { head, entries: vec![entry] }),
            }
        }
        Table { by_length }
    }

    /// Finds the route for a path given as its segments. Literals are compared ignoring case; where several routes fit,
    /// the one whose literals come first wins.
    pub fn find(&self, method: &Method, segments: &[String]) -> Matched<'_, H> {
        let mut best: Option<(&Entry<H>, u64)> = None;
        let mut others: Vec<(Method, u64)> = Vec::new();
        let begins = |group: &&Group<H>| group.head.iter().zip(segments).all(|(part, segment)| part.fits(segment));
        let groups = self.by_length.get(segments.len()).into_iter().flatten().filter(begins);
        for entry in groups.flat_map(|group| &group.entries) {
            let Some(score) = score(&entry.parts, segments) else { continue };
            if entry.route.method == *method || (*method == Method::HEAD && entry.route.method == Method::GET) {
                if best.is_none_or(|(_, known)| score > known) {
                    best = Some((entry, score));
                }
            } else {
                others.push((entry.route.method.clone(), score));
            }
        }
        match best {
            // A route with another method whose literals fit better is the one that was meant.
            Some((_, score)) if others.iter().any(|(_, other)| *other > score) => {
                Matched::Method(others.into_iter().map(|(method, _)| method).collect())
            }
            Some((entry, _)) => Matched::Route(&entry.route, parameters(&entry.parts, segments)),
            None if others.is_empty() => Matched::Nothing,
            None => Matched::Method(others.into_iter().map(|(method, _)| method).collect()),
        }
    }
}

/// `None`: does not fit. Else a number that is greater the earlier literals stand.
fn score(parts: &[Part], segments: &[String]) -> Option<u64> {
    let mut score = 0;
    for (place, (part, segment)) in parts.iter().zip(segments).enumerate() {
        if !part.fits(segment) {
            return None;
        }
        if matches!(part, Part::Literal(_)) {
            score |= 1 << (63 - place.min(63));
        }
    }
    Some(score)
}

fn parameters(parts: &[Part], segments: &[String]) -> Parameters {
    let named = |(part, segment): (&Part, &String)| match part {
        Part::Parameter(name) => Some((*name, segment.clone())),
        Part::Literal(_) => None,
    };
    Parameters(parts.iter().zip(segments).filter_map(named).collect())
}

/// The segments of a request's path, decoded. `None` for one that is no UTF-8 or hides a slash or a null.
pub fn segments(path: &str) -> Option<Vec<String>> {
    path.split('/').filter(|part| !part.is_empty()).map(decode).collect()
}

/// A segment, decoded once. `None` as for [`segments`].
pub fn decode(part: &str) -> Option<String> {
    let bytes = part.as_bytes();
    if !bytes.iter().any(|byte| matches!(byte, b'%' | 0)) {
        return Some(part.to_owned());
    }
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            let hex = part.get(at + 1..at + 3)?;
            out.push(u8::from_str_radix(hex, 16).ok()?);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    let text = String::from_utf8(out).ok()?;
    (!text.contains(['/', '\0'])).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Vec<Route<u8>> {
        let get = |path, handler| Route { method: Method::GET, path, needs: Needs::Public, handler };
        vec![
            get("/{space}/projects", 1),
            get("/{space}/projects/{project}", 2),
            get("/{space}/projects/new", 3),
            get("/access/people", 4),
            Route { method: Method::POST, path: "/{space}/projects", needs: Needs::Public, handler: 5 },
            get("/{space}", 6),
            get("/{space}/projects/{project}/new", 7),
            get("/{tenant}/projects/shop/{part}", 8),
            get("/access/people/{person}/new", 9),
        ]
    }
    fn answer(method: Method, path: &str) -> (u8, Parameters) {
        match Table::new(routes()).find(&method, &segments(path).unwrap()) {
            Matched::Route(route, parameters) => (route.handler, parameters),
            Matched::Method(_) => (255, Parameters::default()),
            Matched::Nothing => (0, Parameters::default()),
        }
    }

    #[test]
    fn the_route_with_the_earliest_literals_wins() {
        for (method, path, handler) in [
            (Method::GET, "/default/projects", 1),
            (Method::GET, "/default/Projects/shop", 2),
            (Method::GET, "/default/projects/new", 3),
            (Method::GET, "/access/people", 4),
            (Method::POST, "/default/projects", 5),
            (Method::GET, "/default", 6),
            (Method::HEAD, "/default", 6),
            (Method::DELETE, "/default/projects", 255),
            (Method::GET, "/default/nothing", 0),
            // Routes that begin alike and those that do not are weighed together.
            (Method::GET, "/default/projects/other/new", 7),
            (Method::GET, "/default/projects/shop/new", 8),
            (Method::GET, "/Access/People/ada/new", 9),
            (Method::POST, "/default/projects/shop/new", 255),
            (Method::GET, "/", 0),
        ] {
            assert_eq!(answer(method, path).0, handler, "{path}");
        }
        assert_eq!(answer(Method::GET, "/my%20space/projects/a%C3%BC").1.get("project"), "aü");
    }

    #[test]
    fn paths_that_hide_something_are_refused() {
        for path in ["/a%2Fb", "/%00", "/%ff", "/%zz", "/%4"] {
            assert!(segments(path).is_none(), "{path}");
        }
    }
}
