//! Repositories that were renamed: the server redirects, and is followed as long as it leads to itself. Never follows to another
//! origin, as the token would go along.

use std::sync::{Arc, Mutex, PoisonError};

use reqwest::{StatusCode, Url};

/// A renamed repository is one redirect, one that was renamed again another.
pub(super) const REDIRECTS: usize = 4;

/// What a client of git asks for first below the address of a repository (gitprotocol-http(5)).
pub(super) const GREETING: &str = "/info/refs";

/// Where the repository was found, if that is not where the configuration says.
#[derive(Clone, Debug, Default)]
pub struct Moved(Arc<Mutex<Option<String>>>);

impl Moved {
    /// The new address; none as far as is known.
    #[must_use]
    pub fn to(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, to: Option<String>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(to) = &to
            && known.as_ref() != Some(to)
        {
            tracing::warn!(%to, "the repository has moved; set source.url to its new address");
        }
        *known = to;
    }
}

/// Returns the address of the repository that a redirect leads to, `asked` being where `service` of it was asked for; none
/// where that is another origin, or no such service.
pub(super) fn redirected(status: StatusCode, asked: &str, service: &str, location: &str) -> Option<String> {
    let followed = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    let asked = Url::parse(&format!("{asked}{service}")).ok()?;
    let mut to = asked.join(location).ok()?;
    if !followed.contains(&status) || to.origin() != asked.origin() || has_user(&to) {
        return None;
    }
    let path = to.path().strip_suffix(service)?.to_owned();
    to.set_path(&path);
    to.set_query(None);
    to.set_fragment(None);
    Some(to.as_str().trim_end_matches('/').to_owned())
}

/// Whether an address has a name or a password in it.
fn has_user(url: &Url) -> bool {
    !url.username().is_empty() || url.password().is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_origin_alone_is_followed() {
        let asked = "https://example.org:8443/old/infra.git";
        let to =
            |location: &str| redirected(StatusCode::MOVED_PERMANENTLY, asked, "/git-upload-pack", location);
        let new = Some("https://example.org:8443/new/infra.git".to_owned());
        assert_eq!(to("https://example.org:8443/new/infra.git/git-upload-pack"), new);
        assert_eq!(to("/new/infra.git/git-upload-pack?a=b#c"), new);
        for elsewhere in [
            "https://example.org/new/infra.git/git-upload-pack",
            "http://example.org:8443/new/infra.git/git-upload-pack",
            "https://example.net:8443/new/infra.git/git-upload-pack",
            "//example.net/new/infra.git/git-upload-pack",
            "https://poby@example.org:8443/new/infra.git/git-upload-pack",
            "https://:secret@example.org:8443/new/infra.git/git-upload-pack",
            "/login",
            "https://",
        ] {
            assert_eq!(to(elsewhere), None, "{elsewhere}");
        }
        let other =
            redirected(StatusCode::SEE_OTHER, asked, "/git-upload-pack", "/new/infra.git/git-upload-pack");
        assert_eq!(other, None);
    }
}
