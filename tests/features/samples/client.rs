//! What such scripts share: `$baseUrl`, `$header` and a function or two.

use crate::support::api::{Answer, Caller, Sent};
use serde_json::Value;

pub struct Client {
    caller: Caller,
}

/// What PowerShell says of a body when nobody says more.
const UNSAID: &str = "application/x-www-form-urlencoded";

impl Client {
    pub fn new(base: &str, key: &str) -> Client {
        Client { caller: Caller::with_key(base, key) }
    }

    /// `Invoke-RestMethod -Uri "$baseUrl/api/…"`. A link of an answer is an address as well; its templates are left out.
    pub fn get(&self, path: &str) -> Value {
        self.caller.get(plain(path)).expect(200).json()
    }
    pub fn text(&self, path: &str) -> String {
        self.caller.get(plain(path)).expect(200).text()
    }
    /// Any method, with a body that is not said to be JSON.
    pub fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let bytes = body.to_string().into_bytes();
        self.caller.call(method, plain(path), Sent::Bytes { content_type: UNSAID.into(), bytes })
    }
    pub fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.send("POST", path, &body);
        assert!(matches!(answer.status, 200 | 201), "{answer}");
        answer.json()
    }
    pub fn put(&self, path: &str, body: &Value) -> Value {
        self.send("PUT", path, body).expect(200).json()
    }
    pub fn delete(&self, path: &str) {
        self.caller.delete(plain(path), ()).expect(200);
    }
    /// A resource goes back to where it says it is.
    pub fn save(&self, resource: &Value) -> Value {
        self.put(link(resource, "Self"), resource)
    }

    /// Everything of a list, page by page.
    pub fn every(&self, path: &str) -> Vec<Value> {
        let mut page = self.get(path);
        let mut all = Vec::new();
        loop {
            all.extend(page["Items"].as_array().expect("a list has items").iter().cloned());
            match page["Links"]["Page.Next"].as_str() {
                Some(next) => page = self.get(next),
                None => break,
            }
        }
        assert_eq!(all.len() as i64, page["TotalResults"].as_i64().expect("a list has a total"), "{path}");
        all
    }
    /// The one of this name.
    pub fn named(&self, path: &str, name: &str) -> Value {
        let found = self.every(path).into_iter().find(|one| one["Name"] == name);
        found.unwrap_or_else(|| panic!("{path} has no {name}"))
    }
    /// Its id.
    pub fn id_of(&self, path: &str, name: &str) -> String {
        id(&self.named(path, name)).to_owned()
    }
    /// Until a task has come to its end.
    pub fn wait(&self, task: &str) -> Value {
        let end = std::time::Instant::now() + std::time::Duration::from_secs(120);
        loop {
            let task = self.get(&format!("/api/tasks/{task}"));
            if task["IsCompleted"] == true {
                return task;
            }
            assert!(std::time::Instant::now() < end, "{task}");
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    }
}

fn plain(path: &str) -> &str {
    path.split('{').next().unwrap_or_default()
}

pub fn id(resource: &Value) -> &str {
    resource["Id"].as_str().expect("a resource has an id")
}

pub fn link<'v>(resource: &'v Value, name: &str) -> &'v str {
    resource["Links"][name].as_str().unwrap_or_else(|| panic!("no link {name} in {resource}"))
}
