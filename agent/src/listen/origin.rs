//! Keeps web pages out: a browser on the tailnet must not nudge or read for a page of somebody else (cross-site requests,
//! DNS rebinding).

use hyper::header::{HOST, HeaderMap, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{Method, Uri};

use super::answer::Refusal;
use crate::loopback;

/// Refuses a `Host` that is neither an address, `localhost`, nor a name whose first label is one of `names`, and a POST
/// with an `Origin` that is not that very host and port.
pub(super) fn check(
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    names: &[String],
) -> Result<(), Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return Err(Refusal::bad_request("the request must have exactly one Host"));
    };
    let host = host.to_str().unwrap_or_default();
    // An absolute target counts before Host (RFC 9112, section 3.2.2): both must be ours.
    for authority in std::iter::once(host).chain(uri.authority().map(Authority::as_str)) {
        if !is_ours(authority, names) {
            return Err(Refusal::forbidden(format!(
                "the Host {authority:?} is not a name of this host: use its address, localhost or {}",
                names.first().map_or("its name", String::as_str)
            )));
        }
    }
    if method != Method::POST {
        return Ok(());
    }
    let own = format!("http://{host}");
    for origin in headers.get_all(ORIGIN) {
        if !origin.as_bytes().eq_ignore_ascii_case(own.as_bytes()) {
            return Err(Refusal::forbidden(format!("a POST from the web page {origin:?} is not accepted")));
        }
    }
    Ok(())
}

fn is_ours(authority: &str, names: &[String]) -> bool {
    let Ok(parsed) = authority.parse::<Authority>() else { return false };
    if authority.contains('@') {
        return false;
    }
    let host = parsed.host();
    if loopback::address(host).is_some() || loopback::is_loopback(host) {
        return true;
    }
    let label = host.split('.').next().unwrap_or_default();
    !label.is_empty() && names.iter().any(|name| name.eq_ignore_ascii_case(label))
}
