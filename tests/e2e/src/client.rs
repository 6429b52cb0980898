//! HTTP to one of the two sockets.

use std::path::Path;
use std::time::Duration;

use reqwest::blocking::{Client as Http, Response};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Longer than the longest `wait` that a test asks for.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Speaks to one socket.
#[derive(Clone, Debug)]
pub struct Client {
    http: Http,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub code: u16,
    /// `Content-Type`, empty when there is none.
    pub content_type: String,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The body as a value of the wire.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn read<T: DeserializeOwned>(&self) -> T {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        self.read()
    }
}

impl Client {
    pub(crate) fn new(socket: &Path) -> Self {
        pull_agent::tls::install();
        let http = Http::builder().unix_socket(socket).timeout(TIMEOUT).build();
        Self { http: http.expect("a client can be made") }
    }

    /// GET; none when nobody answers.
    #[must_use]
    pub fn try_get(&self, path: &str) -> Option<Answer> {
        read(self.http.get(url(path)).send().ok()?)
    }

    /// GET.
    ///
    /// # Panics
    /// When nobody answers.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.try_get(path).unwrap_or_else(|| panic!("GET {path}: nobody answers"))
    }

    /// Any method with a body.
    ///
    /// # Panics
    /// When nobody answers.
    pub fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        let method = method.parse().expect("a method");
        let answer = self.http.request(method, url(path)).body(body.to_owned()).send();
        answer.ok().and_then(read).unwrap_or_else(|| panic!("{path}: nobody answers"))
    }

    /// POST.
    ///
    /// # Panics
    /// When nobody answers.
    pub fn post(&self, path: &str, body: &str) -> Answer {
        self.send("POST", path, body)
    }

    /// GET of something that goes on: the body is read as it comes.
    ///
    /// # Panics
    /// When nobody answers.
    #[must_use]
    pub fn stream(&self, path: &str) -> Response {
        self.http.get(url(path)).send().unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }
}

fn url(path: &str) -> String {
    format!("http://agent{path}")
}

fn read(response: Response) -> Option<Answer> {
    let code = response.status().as_u16();
    let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    Some(Answer { code, content_type, body: response.text().ok()? })
}
