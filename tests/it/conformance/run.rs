//! Runs cases against the proxy in this process, whose clock moves by hand.

use std::{
    net::SocketAddr,
    sync::mpsc,
    thread,
    time::{Duration, UNIX_EPOCH},
};

use actix_response_cache::Clock;
use actix_web::{App, HttpServer, rt::System, web::Data};

use super::{
    case::{Ask, Case, Level, Source},
    client::{self, Answer},
    proxy,
};
use crate::support::origin::{RawOrigin, Recorded, Reply, values};

/// Counts the answers of a case.
const NUMBER: &str = "Answer-Number";

/// Runs the cases of a level and names all that fail.
pub fn examine(level: Level, cases: Vec<Case>) {
    let bench = Bench::start();
    let cases: Vec<_> = cases.into_iter().filter(|case| case.level == level).collect();
    let failures: Vec<_> = cases.iter().filter_map(|case| bench.run(case).err()).collect();
    println!("{level:?}: {} of {} hold", cases.len() - failures.len(), cases.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// A proxy, the origin behind it and the clock of both.
struct Bench {
    proxy: SocketAddr,
    origin: RawOrigin,
    clock: Clock,
}

impl Bench {
    fn start() -> Self {
        let (origin, clock) = (RawOrigin::start(), Clock::manual());
        let cache = proxy::cache(None).clock(clock.clone());
        let backend: proxy::origin::Origin = origin.url().parse().unwrap();
        let backend = Data::new(backend.within(Duration::from_secs(10)));
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            System::new().block_on(async move {
                let app = move || {
                    App::new()
                        .wrap(cache.clone())
                        .app_data(backend.clone())
                        .configure(proxy::configure)
                };
                let server = HttpServer::new(app).workers(1).disable_signals();
                let server = server.bind(("127.0.0.1", 0)).unwrap();
                tell.send(server.addrs()[0]).unwrap();
                server.run().await
            })
        });
        Self { proxy: told.recv().unwrap(), origin, clock }
    }

    fn run(&self, case: &Case) -> Result<(), String> {
        for (index, step) in case.steps.iter().enumerate() {
            self.step(case, index + 1, step)
                .map_err(|problem| format!("{} (request {}): {problem}", case.id, index + 1))?;
        }
        Ok(())
    }

    fn step(&self, case: &Case, number: usize, ask: &Ask) -> Result<(), String> {
        self.clock.advance(Duration::from_secs(ask.after));
        let target = format!("/{}{}", case.id, ask.suffix);
        let path = target.split('?').next().unwrap_or_default().to_owned();
        let before = self.origin.requests(&path).len();
        self.origin.play(&path, reply(&case.id, number, ask, self.clock.clone()));
        let fields: Vec<_> =
            ask.fields.iter().map(|line| dated(line, seconds(&self.clock))).collect();
        let answer = client::send(self.proxy, &ask.method, &target, &fields, &ask.content)
            .map_err(|problem| format!("no answer: {problem}"))?;
        if ask.source == Source::PastWhileAsking && !self.origin.wait_for(&path, before + 1) {
            return Err("the origin was not asked behind the answer".into());
        }
        let requests = self.origin.requests(&path).split_off(before);
        check_source(ask, number, &answer, &requests)?;
        check_answer(ask, &answer, seconds(&self.clock))?;
        requests.first().map_or(Ok(()), |request| check_request(ask, request))
    }
}

fn reply(id: &str, number: usize, ask: &Ask, clock: Clock) -> Reply {
    let ask = ask.clone();
    let body = ask.reply_body.clone().unwrap_or_else(|| format!("{id} {number}"));
    Box::new(move |request| {
        clock.advance(Duration::from_secs(ask.slow));
        if ask.reply.is_empty() {
            return Vec::new();
        }
        let conditional =
            ["if-none-match", "if-modified-since"].iter().any(|name| !request.all(name).is_empty());
        let not_modified = ask.source == Source::Validated && conditional;
        let status = if not_modified { "304 Not Modified" } else { ask.reply.as_str() };
        let mut lines = vec![format!("{}HTTP/1.1 {status}", ask.interim)];
        lines.push(format!("{NUMBER}: {number}"));
        if values(&ask.reply_fields, "date").is_empty() && !ask.undated {
            lines.push("Date: @+0".to_owned());
        }
        lines.extend_from_slice(&ask.reply_fields);
        let bodiless = not_modified || status.starts_with("204") || status.starts_with("304");
        if !bodiless && values(&ask.reply_fields, "content-length").is_empty() {
            lines.push(format!("Content-Length: {}", body.len()));
        }
        let head = dated(&lines.join("\r\n"), seconds(&clock));
        let mut bytes = format!("{head}\r\n\r\n").into_bytes();
        if !bodiless && request.method != "HEAD" {
            bytes.extend_from_slice(body.as_bytes());
        }
        bytes
    })
}

fn seconds(clock: &Clock) -> i64 {
    clock.now().as_millis() / 1000
}

/// Writes dates for `@+5` and `@-5`.
fn dated(text: &str, now: i64) -> String {
    let mut parts = text.split('@');
    let mut written = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.bytes().skip(1).position(|byte| !byte.is_ascii_digit());
        let (offset, rest) = part.split_at(end.map_or(part.len(), |end| end + 1));
        match offset.parse::<i64>() {
            Ok(seconds) => {
                let date = Duration::from_secs((now + seconds).unsigned_abs());
                written += &(httpdate::fmt_http_date(UNIX_EPOCH + date) + rest);
            }
            Err(_) => written.extend(["@", part]),
        }
    }
    written
}

fn check_source(
    ask: &Ask,
    number: usize,
    answer: &Answer,
    requests: &[Recorded],
) -> Result<(), String> {
    let shown = answer.all(NUMBER).first().and_then(|shown| shown.parse::<usize>().ok());
    let past = shown.is_some_and(|shown| shown < number);
    let status = answer.status;
    let asked = !requests.is_empty();
    let told = answer.all("cache-status").join(", ");
    let problem = match ask.source {
        Source::Store if asked => "the origin was asked",
        Source::Store | Source::Past | Source::PastWhileAsking if !past => "not a stored answer",
        Source::Origin if !asked => "the origin was not asked",
        Source::Origin if shown != Some(number) => "not the origin's answer",
        Source::Validated if !asked => "not validated",
        Source::Validated if is_unconditional(&requests[0]) => "asked without a condition",
        _ => return Ok(()),
    };
    Err(format!("{problem} ({status}, number {shown:?}; {told})"))
}

fn is_unconditional(request: &Recorded) -> bool {
    request.all("if-none-match").is_empty() && request.all("if-modified-since").is_empty()
}

fn check_answer(ask: &Ask, answer: &Answer, now: i64) -> Result<(), String> {
    let expected = match ask.source {
        Source::Validated => Some(ask.status.unwrap_or(200)),
        _ => ask.status,
    };
    if expected.is_some_and(|status| status != answer.status) {
        return Err(format!("status {} instead of {expected:?}", answer.status));
    }
    check_lines(&ask.seen, |name| answer.all(name), now)?;
    for name in &ask.unseen {
        let values = answer.all(name);
        if !values.is_empty() {
            return Err(format!("{name} is there: {values:?}"));
        }
    }
    for (name, least, most) in &ask.numbers {
        let value = answer.all(name);
        let number = value.first().and_then(|value| value.parse::<u64>().ok());
        if value.len() != 1 || !number.is_some_and(|number| (*least..=*most).contains(&number)) {
            return Err(format!("{name} is {value:?}, not {least} to {most}"));
        }
    }
    let text = String::from_utf8_lossy(&answer.body);
    match &ask.text {
        Some(expected) if *expected != text => Err(format!("body {text:?}")),
        _ => Ok(()),
    }
}

fn check_request(ask: &Ask, request: &Recorded) -> Result<(), String> {
    check_lines(&ask.sent, |name| request.all(name), 0)
        .map_err(|problem| format!("at the origin, {problem}"))?;
    match ask.unsent.iter().find(|name| !request.all(name).is_empty()) {
        Some(name) => Err(format!("{name} reached the origin")),
        None => Ok(()),
    }
}

/// All lines of the fields that are named, in order.
fn check_lines<'a>(
    expected: &[String],
    actual: impl Fn(&str) -> Vec<&'a str>,
    now: i64,
) -> Result<(), String> {
    let expected: Vec<_> = expected.iter().map(|line| dated(line, now)).collect();
    for line in &expected {
        let name = line.split(':').next().unwrap_or_default();
        let (wanted, found) = (values(&expected, name), actual(name));
        if wanted != found {
            return Err(format!("{name} is {found:?}, not {wanted:?}"));
        }
    }
    Ok(())
}
