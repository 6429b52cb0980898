//! GitHub Apps: `POST /app/installations/{id}/access_tokens`, and the signed word that it wants
//! (docs.github.com/apps: generating-a-json-web-token-jwt-for-a-github-app). GitHub's clock is the judge of its times.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Response, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::answer::{Answer, Good, Refusal, answer};
use crate::spec::{AppSpec, TokenKind, TokenSpec};
use crate::world::World;
use crate::{Shared, auth, time};

/// The private key of every App here. It opens nothing but this stand-in.
pub const APP_KEY: &str = include_str!("../keys/app.pem");

/// The same key by PKCS #8.
pub const APP_KEY_PKCS8: &str = include_str!("../keys/app.pkcs8.pem");

/// A key of nobody.
pub const OTHER_KEY: &str = include_str!("../keys/other.pem");

const PUBLIC_KEY: &[u8] = include_bytes!("../keys/app.public.der");

/// The longest that a word may be good for, in seconds.
const LONGEST: i64 = 600;

/// Hands out a token, which is one of the world's from then on.
pub(crate) async fn access_tokens(
    State(shared): State<Shared>,
    Path(installation): Path<u64>,
    request: Parts,
) -> Response<Body> {
    let token = shared.lock().new_token();
    let (headers, secret) = (request.headers.clone(), token.clone());
    let mut app = None;
    let mut response = answer(shared.clone(), request, |world, _| {
        let found = judged(world, &headers, installation)?;
        app = Some(found.clone());
        let body = json!({
            "token": secret, "expires_at": time::text(world.now().saturating_add(found.token_seconds)),
            "permissions": { "checks": "read", "metadata": "read" }, "repository_selection": "selected"
        });
        Ok(Good { body, link: None })
    })
    .await;
    if let (StatusCode::OK, Some(app)) = (response.status(), app) {
        *response.status_mut() = StatusCode::CREATED;
        response.headers_mut().remove("etag");
        shared.lock().put_token(TokenSpec {
            token,
            kind: TokenKind::App,
            permissions: app.permissions,
            repositories: None,
            expired: false,
        });
    }
    response
}

fn judged<'a>(world: &'a World, headers: &HeaderMap, installation: u64) -> Answer<&'a AppSpec> {
    let unauthorized = |message: &str| Refusal::new(StatusCode::UNAUTHORIZED, message);
    let undecoded = || unauthorized("A JSON web token could not be decoded");
    let claims = auth::bearer(headers).and_then(claims).ok_or_else(undecoded)?;
    let number = |name: &str| claims[name].as_i64();
    let now = world.now();
    let issued = number("iat").filter(|issued| *issued <= now);
    let issued = issued.ok_or_else(|| {
        unauthorized("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
    })?;
    let expires = number("exp").filter(|expires| *expires > now);
    let expires = expires.ok_or_else(|| {
        unauthorized("'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires")
    })?;
    if expires - now > LONGEST || expires - issued > LONGEST {
        return Err(unauthorized("'Expiration time' claim ('exp') is too far in the future"));
    }
    let issuer = claims["iss"].as_u64().or_else(|| claims["iss"].as_str()?.parse().ok());
    let issuer = issuer.ok_or_else(|| unauthorized("'Issuer' claim ('iss') must be an Integer"))?;
    let app = world.apps.iter().find(|app| app.id == issuer);
    let app = app.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "Integration not found"))?;
    if app.installation_id != installation {
        return Err(Refusal::new(StatusCode::NOT_FOUND, "Not Found"));
    }
    if app.suspended {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "This installation has been suspended"));
    }
    Ok(app)
}

/// The claims of a word that the App's key has signed.
fn claims(word: &str) -> Option<Value> {
    fn json<T: DeserializeOwned>(part: &str) -> Option<T> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
    }
    let (signed, signature) = word.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, PUBLIC_KEY);
    key.verify(signed.as_bytes(), &signature).ok()?;
    (json::<Value>(header)?["alg"] == "RS256").then(|| json(claims)).flatten()
}
