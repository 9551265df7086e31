//! `wardline init`: a first policy, which watches and blocks nothing.
//!
//! Which systems there are is said, asked for, or told from the operations of an OpenAPI document: those that a built-in
//! catalogue knows make a service, and for the others a catalogue is written that people fill in.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use saphyr::{LoadableYamlNode, Yaml};
use serde::Serialize;
use wardline::classify::{self, System};
use wardline::model::{Operation, Risk};
use wardline::policy::Policy;

use super::suggest::quoted;
use crate::args::Init;
use crate::{Failure, Outcome, Streams};

/// Below this base risk an operation is an ordinary one of such a service.
const ORDINARY: Risk = Risk::new(40);
/// From here on people are asked.
const HOLD: Risk = Risk::new(65);
/// A catalogue is that of a service where it knows so many parts in a hundred of its operations.
const KNOWN_PERCENT: usize = 60;

/// A service that the policy will guard.
struct Service {
    name: String,
    system: String,
    host: Option<String>,
    /// The path that its system's routes stand under, where that is not the root.
    base_path: Option<String>,
    operations: Vec<Operation>,
}

pub(crate) fn run(args: &Init, json: bool, streams: &mut Streams<'_>) -> Outcome {
    if args.out.exists() {
        return Err(Failure::Usage(format!("{} is there already: it is left as it is", args.out.display())));
    }
    let mut services = Vec::new();
    let mut catalogue = None;
    if let Some(file) = &args.openapi {
        let read = Document::read(file)?;
        match read.system() {
            Some((system, base_path)) => {
                services.push(Service { base_path, ..service(system, read.host.clone()) });
            }
            None => {
                services.push(read.service());
                catalogue = Some((
                    args.out.with_file_name(format!("{}.catalogue.yaml", read.name)),
                    read.catalogue(),
                ));
            }
        }
    }
    let mut named = args.system.clone();
    if named.is_empty() && services.is_empty() {
        named = ask(streams)?;
    }
    for text in named {
        let (name, host) = match text.split_once('=') {
            Some((name, host)) => (name, Some(host.to_owned())),
            None => (text.as_str(), None),
        };
        let system = classify::system(name)
            .ok_or_else(|| Failure::Usage(format!("no system is called {name:?}; known: {}", known())))?;
        services.push(service(system, host));
    }
    let text = policy(&services, catalogue.as_ref().map(|(path, _)| path.as_path()));
    if let Some((path, text)) = &catalogue {
        if path.exists() {
            return Err(Failure::Usage(format!("{} is there already: it is left as it is", path.display())));
        }
        fs::write(path, text)?;
    }
    // What is written is sound, or not written.
    Policy::parse(&text, &args.out.display().to_string())?;
    fs::write(&args.out, &text)?;
    #[derive(Serialize)]
    struct Written<'a> {
        policy: String,
        catalogue: Option<String>,
        systems: Vec<&'a str>,
    }
    let written = Written {
        policy: args.out.display().to_string(),
        catalogue: catalogue.map(|(path, _)| path.display().to_string()),
        systems: services.iter().map(|service| service.system.as_str()).collect(),
    };
    if json {
        streams.json(&written)?;
        return Ok(0);
    }
    streams.say(format!(
        "{}: a policy over {}; it watches, and blocks nothing",
        written.policy,
        written.systems.join(", ")
    ))?;
    if let Some(catalogue) = &written.catalogue {
        streams.say(format!("{catalogue}: say there what each operation does"))?;
    }
    streams.say(format!(
        "next: wardline check {0}; later: wardline policy suggest --policy {0}",
        written.policy
    ))?;
    Ok(0)
}

fn known() -> String {
    classify::systems().iter().map(System::name).collect::<Vec<_>>().join(", ")
}

fn ask(streams: &mut Streams<'_>) -> Result<Vec<String>, Failure> {
    streams.say(format!("Systems that are known: {}", known()))?;
    streams.say(
        "Which do you run? Names separated by spaces, each with =HOST where it answers to one host only:",
    )?;
    streams.out.flush()?;
    let mut line = String::new();
    streams.input.read_line(&mut line)?;
    let named: Vec<String> =
        line.split([' ', ',']).map(str::trim).filter(|n| !n.is_empty()).map(str::to_owned).collect();
    if named.is_empty() {
        return Err(Failure::Usage(
            "expected at least one system: --system NAME, or --openapi FILE".to_owned(),
        ));
    }
    Ok(named)
}

fn service(system: &'static System, host: Option<String>) -> Service {
    let all = system.operations().map_or_else(|| Operation::ALL.to_vec(), |all| all.collect());
    let name = system.name().to_owned();
    Service { name: name.clone(), system: name, host, base_path: None, operations: all }
}

/// The text of a policy over these services.
fn policy(services: &[Service], catalogue: Option<&Path>) -> String {
    let mut text = String::from(
        "# A first policy: it decides and records, and blocks and masks nothing (mode: observe).
#
# 1. Let your service run with it for a while.
# 2. `wardline policy suggest` proposes rules for what came by; `wardline audit query` shows it.
# 3. Put people's names into the groups, say below what names callers, and set `mode: enforce`, one service after the other.
version: 1
state: ./state

# What names the caller. Where your code hands the caller over, nothing is needed here.
# identity:
#   headers: {subject: x-user, groups: x-groups}
#   trusted_peers: [127.0.0.1]

groups:
  # Who may approve what is held.
  reviewers: [somebody]

approval:
  steps: [{from: [reviewers]}]
  reason: required

",
    );
    if let Some(file) = catalogue.and_then(Path::file_name) {
        let _ = writeln!(text, "catalogues: [{}]\n", quoted(&file.to_string_lossy()));
    }
    text.push_str("services:\n");
    for service in services {
        // Of several services each needs hosts of its own.
        let host = match (&service.host, services.len()) {
            (Some(host), _) => format!(", hosts: [{}]", quoted(host)),
            (None, 1) => String::new(),
            (None, _) => format!(", hosts: ['{0}', '{0}.*', '{0}:*']", service.name),
        };
        let base = service.base_path.as_ref().map(|path| format!(", base_path: {}", quoted(path)));
        let base = base.unwrap_or_default();
        let _ =
            writeln!(text, "  {}: {{system: {}{host}{base}, mode: observe}}", service.name, service.system);
    }
    let among = |fits: &dyn Fn(Risk) -> bool| {
        let all = Operation::ALL.iter().filter(|operation| **operation != Operation::Unknown);
        let some = all.filter(|operation| {
            fits(operation.base_risk())
                && services.iter().any(|service| service.operations.contains(operation))
        });
        some.map(|operation| operation.name()).collect::<Vec<_>>().join(", ")
    };
    let ordinary = among(&|risk| risk < ORDINARY);
    let held = among(&|risk| risk >= HOLD);
    if !(ordinary.is_empty() && held.is_empty()) {
        text.push_str("\n# What no rule speaks of is denied, once a service enforces.\nrules:\n");
    }
    for (name, who, operations, effect) in
        [("ordinary", "user:*", ordinary, "allow"), ("asks-people", "user:*", held, "hold")]
    {
        if !operations.is_empty() {
            let _ = writeln!(
                text,
                "  - name: {name}\n    who: ['{who}']\n    operations: [{operations}]\n    effect: {effect}"
            );
        }
    }
    text.push_str(
        "
# What must not pass in clear, in requests and in responses.
mask:
  - name: secrets-and-identifiers
    entities: {secret: redact, private_key: redact, credit_card: partial, email: partial, phone: partial, national_id: redact}
",
    );
    text
}

/// What an OpenAPI document says of a service.
struct Document {
    name: String,
    host: Option<String>,
    /// The path that all routes stand under; empty where that is the root.
    base: String,
    /// Method and route.
    operations: Vec<(String, String)>,
}

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

impl Document {
    fn read(file: &Path) -> Result<Self, Failure> {
        let wrong = |what: &str| Failure::Usage(format!("{}: expected {what}", file.display()));
        let text = fs::read_to_string(file)
            .map_err(|error| Failure::Usage(format!("cannot read {}: {}", file.display(), error.kind())))?;
        let documents = Yaml::load_from_str(&text).map_err(|error| {
            let at = error.marker();
            wrong(&format!("JSON or YAML at line {}, column {}", at.line(), at.col() + 1))
        })?;
        let root = documents.first().ok_or_else(|| wrong("a document"))?;
        let paths = root.as_mapping_get("paths").and_then(Yaml::as_mapping);
        let paths = paths.ok_or_else(|| wrong("an OpenAPI document: an object with `paths`"))?;
        let mut operations = Vec::new();
        for (path, item) in paths {
            let (Some(path), Some(item)) = (path.as_str(), item.as_mapping()) else { continue };
            for (method, _) in item {
                if let Some(method) = method.as_str().filter(|method| METHODS.contains(method)) {
                    operations.push((method.to_ascii_uppercase(), path.to_owned()));
                }
            }
        }
        if operations.is_empty() {
            return Err(wrong("operations under `paths`"));
        }
        let title = root.as_mapping_get("info").and_then(|info| info.as_mapping_get("title")?.as_str());
        let servers = root.as_mapping_get("servers").and_then(Yaml::as_sequence);
        let url = servers.and_then(|servers| servers.first()?.as_mapping_get("url")?.as_str());
        // Version 2 has its host and its path apart.
        let older = |key| root.as_mapping_get(key).and_then(Yaml::as_str).unwrap_or_default();
        let (host, base) = url.map_or((older("host"), older("basePath")), parts);
        let fixed = |text: &str| !text.is_empty() && !text.contains(['{', '}', '*']);
        let host = Some(host.to_owned()).filter(|host| fixed(host));
        let base = Some(base.trim_end_matches('/')).filter(|base| fixed(base)).unwrap_or_default().to_owned();
        Ok(Self { name: name(title.unwrap_or("service")), host, base, operations })
    }

    /// The built-in system that knows most of the operations, and the path that they stand under where its routes do not begin with that.
    fn system(&self) -> Option<(&'static System, Option<String>)> {
        let below = Some(&self.base).filter(|base| !base.is_empty()).cloned();
        let knows = |system: &System, base: &str| {
            let known = |(method, route): &&(String, String)| has(system, method, &format!("{base}{route}"));
            self.operations.iter().filter(known).count()
        };
        // Of several that know as many, as others speak what OpenAI speaks, the one that the title names.
        let (known, system, base_path) = classify::systems()
            .iter()
            .flat_map(|system| {
                [(knows(system, ""), system, below.clone()), (knows(system, &self.base), system, None)]
            })
            .max_by_key(|(known, system, _)| (*known, self.name.contains(system.name())))?;
        (known * 100 >= self.operations.len() * KNOWN_PERCENT).then_some((system, base_path))
    }

    fn service(&self) -> Service {
        let kinds = self.operations.iter().map(|(method, _)| guess(method));
        Service {
            name: self.name.clone(),
            system: self.name.clone(),
            host: self.host.clone(),
            base_path: None,
            operations: kinds.collect(),
        }
    }

    /// A catalogue to be filled in: reads are told by their method, what else is done nobody can tell from outside.
    fn catalogue(&self) -> String {
        let mut text = format!(
            "# What each operation does, for people to say: `unknown` is denied. The names are in the list of operations
# (vector.search, data.read, model.download, ...); resource and magnitude make rules sharper.
system: {}
operations:
",
            self.name
        );
        let mut seen = BTreeMap::new();
        for (method, route) in &self.operations {
            // Names of parameters may hold what a route of a catalogue does not.
            let route = plain(&format!("{}{route}", self.base));
            if seen.insert((method.clone(), route.clone()), ()).is_none() {
                let _ = writeln!(text, "  - {method} {route}: {}", guess(method).name());
            }
        }
        text
    }
}

/// Host and path of a server's URL, which may be a path alone.
fn parts(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or(rest);
    let at = rest.find('/').unwrap_or(rest.len());
    if rest.len() == url.len() && at > 0 { ("", "") } else { rest.split_at(at) }
}

/// Parameters under names of letters, digits and `_`.
fn plain(route: &str) -> String {
    let (mut out, mut within) = (String::new(), false);
    for c in route.chars() {
        match c {
            '{' => within = true,
            '}' => within = false,
            _ => {}
        }
        out.push(if within && c != '{' && !c.is_ascii_alphanumeric() { '_' } else { c });
    }
    out
}

fn guess(method: &str) -> Operation {
    match method {
        "GET" | "HEAD" => Operation::DataRead,
        _ => Operation::Unknown,
    }
}

/// Whether a system's catalogue has this very operation. Being classified is not enough: routes such as `/{bucket}/{key}` fit most.
fn has(system: &System, method: &str, route: &str) -> bool {
    system.entries().iter().any(|entry| entry.method() == method && shape(entry.route()).eq(shape(route)))
}

/// The segments of a route, parameters without their names.
fn shape(route: &str) -> impl Iterator<Item = &str> {
    route.trim_matches('/').split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment })
}

/// A title as a name of small letters, digits and `-`.
fn name(title: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = title.chars().map(kept).collect();
    let mut name = name.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    name.truncate(40);
    // What is built in is not called so.
    if classify::system(&name).is_some() {
        name.push_str("-service");
    }
    if name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name
    } else {
        format!("service-{name}").trim_end_matches('-').to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_become_names_and_parameters_plain() {
        assert_eq!(name("Embedding API (v2)"), "embedding-api-v2");
        assert_eq!((name("3D Search"), name("日本")), ("service-3d-search".to_owned(), "service".to_owned()));
        assert_eq!(name("OpenAI"), "openai-service");
        assert_eq!(plain("/a/{user-id}/b-c/{x}"), "/a/{user_id}/b-c/{x}");
    }

    #[test]
    fn a_server_s_url_has_a_host_and_a_path() {
        for (url, host, path) in [
            ("https://api.test:8443/v1?x=1", "api.test:8443", "/v1"),
            ("https://api.test", "api.test", ""),
            ("/v1", "", "/v1"),
            ("/", "", "/"),
            ("v1", "", ""),
            ("", "", ""),
        ] {
            assert_eq!(parts(url), (host, path), "{url}");
        }
    }
}
