//! The model that a soak checks against: things with versions, and which responses are right.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use actix_response_cache::{ResponseCache, Rule};
use actix_web::{
    Error, HttpRequest, HttpResponse,
    error::ErrorBadGateway,
    http::{Method, header::HeaderMap},
    web::Data,
};
use bytes::Bytes;
use fastrand::Rng;
use http_body_util::Empty;
use hyper::Request;

use crate::support::client::{Answer, request};

/// Of each kind there are so many.
pub(super) const NUMBERS: usize = 3;
pub(super) const KINDS: [&str; 7] = ["plain", "stream", "lang", "private", "swr", "sie", "no-etag"];
pub(super) const LANGUAGES: [&str; 3] = ["de", "en", "fr"];
/// What becomes of a request that comes to the handler.
pub(super) const FATES: [&str; 7] = ["well", "slow", "late", "status", "error", "panic", "broken"];
const USERS: [&str; 3] = ["-", "Bearer a", "Bearer b"];

/// What the handler says, and since when nothing older may be given.
#[derive(Clone, Default)]
pub(super) struct World(Arc<[[Thing; NUMBERS]; KINDS.len()]>);

#[derive(Default)]
struct Thing {
    current: AtomicU64,
    /// What was purged for good is older.
    purged: AtomicU64,
    /// What was purged softly is older.
    staled: AtomicU64,
}

pub(super) fn path(kind: usize, number: usize) -> String {
    format!("/{}/{number}", KINDS[kind])
}

pub(super) fn rules(cache: ResponseCache) -> ResponseCache {
    cache.rule("/{kind}/{number}", Rule::new().groups(["n{number}"]))
}

impl World {
    pub(super) fn floor(&self, question: &Question) -> u64 {
        let thing = &self.0[question.kind][question.number];
        let purged = thing.purged.load(Ordering::SeqCst);
        if question.may_be_stale() {
            return purged;
        }
        purged.max(thing.staled.load(Ordering::SeqCst))
    }

    /// A new version of each thing that is concerned.
    pub(super) fn change(
        &self,
        concerns: impl Fn(usize, usize) -> bool,
    ) -> Vec<(usize, usize, u64)> {
        let all = (0..KINDS.len()).flat_map(|kind| (0..NUMBERS).map(move |number| (kind, number)));
        let concerned = all.filter(|(kind, number)| concerns(*kind, *number));
        concerned
            .map(|(kind, number)| {
                let version = self.0[kind][number].current.fetch_add(1, Ordering::SeqCst) + 1;
                (kind, number, version)
            })
            .collect()
    }

    /// A purge of what showed these has returned.
    pub(super) fn purged(&self, changed: &[(usize, usize, u64)], softly: bool) {
        for (kind, number, version) in changed {
            let thing = &self.0[*kind][*number];
            let floor = if softly { &thing.staled } else { &thing.purged };
            floor.fetch_max(*version, Ordering::SeqCst);
        }
    }

    /// Whether the answer is one to this question, and no older than it may be.
    pub(super) fn check(&self, question: &Question, answer: &Answer, floor: u64) {
        let wrong = || format!("{question:?} at least {floor}: {answer:?}");
        // the cache's own validators, where a handler gives none, are digests of bodies
        let etag = has_etag(KINDS[question.kind])
            .then(|| version_of(answer.field("etag").trim_start_matches('"')))
            .flatten();
        let version = match answer.status.as_u16() {
            200 if question.method == "HEAD" => etag,
            200 => {
                let version = version_of(answer.text());
                let body = version.map(|version| question.body(version));
                assert_eq!(Some(answer.text()), body.as_deref(), "{}", wrong());
                version
            }
            206 => {
                let version = version_of(answer.text());
                let body = question.body(version.unwrap_or_default());
                assert_eq!(answer.text(), &body[..=RANGE_END], "{}", wrong());
                version
            }
            304 => {
                assert!(question.condition.is_some(), "{}", wrong());
                etag
            }
            500 | 502 => {
                assert!(question.may_fail(), "{}", wrong());
                return;
            }
            504 => {
                assert!(question.only_if_cached, "{}", wrong());
                return;
            }
            _ => panic!("{}", wrong()),
        };
        if let Some(etag) = etag {
            assert_eq!(answer.field("etag"), question.etag(etag), "{}", wrong());
        }
        let current = self.0[question.kind][question.number].current.load(Ordering::SeqCst);
        if let Some(version) = version {
            assert!((floor..=current).contains(&version), "{}", wrong());
        } else {
            assert!(question.method == "HEAD" && !has_etag(KINDS[question.kind]), "{}", wrong());
        }
    }
}

/// The version at the beginning of a body or of a validator.
fn version_of(text: &str) -> Option<u64> {
    text.get(..10)?.parse().ok()
}

fn has_etag(kind: &str) -> bool {
    !matches!(kind, "stream" | "no-etag")
}

/// A client that takes what is stale.
const MAX_STALE: &str = "max-stale=30";
const RANGE_END: usize = 40;

/// What a client asks.
#[derive(Debug)]
pub(super) struct Question {
    kind: usize,
    number: usize,
    method: &'static str,
    language: &'static str,
    user: &'static str,
    /// Who asks, by a field that no key knows.
    client: String,
    fate: &'static str,
    condition: Option<String>,
    has_range: bool,
    only_if_cached: bool,
    control: Option<&'static str>,
}

impl Question {
    pub(super) fn any(rng: &mut Rng) -> Self {
        let mut one_in = |n: u8| rng.u8(..n) == 0;
        let (is_conditional, has_range) = (one_in(6), one_in(10));
        let (is_head, only_if_cached, is_bad, has_user) =
            (one_in(10), one_in(20), one_in(4), one_in(5));
        let control = one_in(20).then_some("no-cache").or(one_in(20).then_some(MAX_STALE));
        let mut question = Self {
            kind: rng.usize(..KINDS.len()),
            number: rng.usize(..NUMBERS),
            method: if is_head { "HEAD" } else { "GET" },
            language: LANGUAGES[rng.usize(..LANGUAGES.len())],
            user: if has_user { USERS[rng.usize(1..USERS.len())] } else { USERS[0] },
            client: format!("client {}", rng.u64(..)),
            fate: if is_bad { FATES[rng.usize(1..FATES.len())] } else { FATES[0] },
            condition: None,
            has_range,
            only_if_cached,
            control: if only_if_cached { Some("only-if-cached") } else { control },
        };
        if is_head && question.fate == "broken" {
            // the head is answered, and only then the connection breaks
            question.fate = FATES[0];
        }
        question.condition = is_conditional.then(|| {
            // one that may well be the current one
            question.etag(rng.u64(..200))
        });
        question
    }

    pub(super) fn request(&self) -> Request<Empty<Bytes>> {
        let path = path(self.kind, self.number);
        let mut fields = vec![
            ("accept-language", self.language),
            ("x-client", self.client.as_str()),
            ("x-fate", self.fate),
        ];
        if self.user != USERS[0] {
            fields.push(("authorization", self.user));
        }
        fields.extend(self.condition.as_deref().map(|etag| ("if-none-match", etag)));
        fields.extend(self.has_range.then_some(("range", "bytes=0-40")));
        fields.extend(self.control.map(|control| ("cache-control", control)));
        request(self.method, &path, &fields)
    }

    /// Whether the handler, asked this, may cut the connection.
    pub(super) fn may_break_off(&self) -> bool {
        matches!(self.fate, "panic" | "broken")
    }

    /// Whether the answer may be one that was purged softly.
    fn may_be_stale(&self) -> bool {
        matches!(KINDS[self.kind], "swr" | "sie") || self.control == Some(MAX_STALE)
    }

    fn may_fail(&self) -> bool {
        matches!(self.fate, "status" | "error")
    }

    /// The whole right answer of this version.
    fn body(&self, version: u64) -> String {
        let kind = KINDS[self.kind];
        let path = path(self.kind, self.number);
        body(version, &path, self.language_of(kind), self.user_of(kind))
    }

    fn etag(&self, version: u64) -> String {
        let kind = KINDS[self.kind];
        etag(version, self.language_of(kind), self.user_of(kind))
    }

    fn language_of(&self, kind: &str) -> &str {
        if kind == "lang" { self.language } else { "-" }
    }

    fn user_of(&self, kind: &str) -> &str {
        if kind == "private" { &self.client } else { self.user }
    }
}

fn body(version: u64, path: &str, language: &str, user: &str) -> String {
    format!("{version:010} {path} {language} {user} {}", "x".repeat(300))
}

fn etag(version: u64, language: &str, user: &str) -> String {
    format!("\"{version:010} {language} {user}\"").replace(' ', "_")
}

/// What is served. The request itself says what becomes of it.
pub(super) async fn handler(world: Data<World>, req: HttpRequest) -> Result<HttpResponse, Error> {
    let parts: Vec<_> = req.path().split('/').collect();
    let (kind, number) = (parts[1], parts[2].parse::<usize>().unwrap());
    let index = KINDS.iter().position(|known| *known == kind).unwrap();
    let thing = &world.0[index][number];
    if *req.method() == Method::PUT {
        let version = thing.current.fetch_add(1, Ordering::SeqCst) + 1;
        return Ok(HttpResponse::Ok().body(version.to_string()));
    }
    let version = thing.current.load(Ordering::SeqCst);
    let fate = field(req.headers(), "x-fate");
    match fate {
        "slow" => tokio::time::sleep(Duration::from_millis(5)).await,
        "late" => tokio::time::sleep(Duration::from_millis(50)).await,
        _ => tokio::task::yield_now().await,
    }
    match fate {
        "status" => return Ok(HttpResponse::InternalServerError().body("failed")),
        "error" => return Err(ErrorBadGateway("failed")),
        // without a word in the log of the tests
        "panic" => std::panic::resume_unwind(Box::new("failed")),
        _ => {}
    }
    let language = if kind == "lang" { field(req.headers(), "accept-language") } else { "-" };
    let user = match kind {
        "private" => field(req.headers(), "x-client"),
        _ => field(req.headers(), "authorization"),
    };
    Ok(answer(
        &req,
        kind,
        &etag(version, language, user),
        body(version, req.path(), language, user),
    ))
}

fn field<'a>(fields: &'a HeaderMap, name: &str) -> &'a str {
    fields.get(name).map_or("-", |value| value.to_str().unwrap())
}

fn answer(req: &HttpRequest, kind: &str, etag: &str, body: String) -> HttpResponse {
    let is_same = has_etag(kind) && field(req.headers(), "if-none-match") == etag;
    let mut res = if is_same { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    res.insert_header((
        "cache-control",
        match kind {
            "private" => "private",
            "swr" => "max-age=10, stale-while-revalidate=30",
            "sie" => "max-age=10, stale-if-error=60",
            _ => "max-age=10",
        },
    ));
    if has_etag(kind) {
        res.insert_header(("etag", etag));
    }
    if kind == "lang" {
        res.insert_header(("vary", "accept-language"));
    }
    let is_broken = field(req.headers(), "x-fate") == "broken";
    if is_same {
        res.finish()
    } else if kind == "stream" {
        res.streaming(stream(body, is_broken))
    } else {
        res.body(body)
    }
}

/// The text in pieces that take a moment; a broken one breaks off before its end.
fn stream(
    text: String,
    is_broken: bool,
) -> impl futures_util::Stream<Item = Result<Bytes, Error>> + 'static {
    let length = text.len();
    futures_util::stream::unfold((Bytes::from(text), 0_usize), move |(mut rest, n)| async move {
        if n > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if is_broken && n == 2 {
            return Some((Err(ErrorBadGateway("broken")), (rest, n + 1)));
        }
        let piece = rest.split_to((length / 4 + 1).min(rest.len()));
        (!piece.is_empty()).then_some((Ok(piece), (rest, n + 1)))
    })
}
