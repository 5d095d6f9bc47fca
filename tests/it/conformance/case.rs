//! A case: requests, what the origin would answer to each, and what must hold.

/// Whether the texts demand it, or only wish it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Required,
    Optimal,
}

/// One case. Its name is part of the URLs that it asks for.
pub struct Case {
    pub id: String,
    pub level: Level,
    pub steps: Vec<Ask>,
}

/// A case of what the texts demand.
pub fn must<const N: usize>(id: impl Into<String>, steps: [Ask; N]) -> Case {
    Case { id: id.into(), level: Level::Required, steps: steps.into() }
}

/// A case of what a good cache does.
pub fn should<const N: usize>(id: impl Into<String>, steps: [Ask; N]) -> Case {
    Case { id: id.into(), level: Level::Optimal, steps: steps.into() }
}

/// Where the answer to a request came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// Not looked at.
    #[default]
    Any,
    /// The store; the origin was not asked.
    Store,
    /// The store, whether the origin was asked or not.
    Past,
    /// As `Past`, and the origin was asked, then or soon after.
    PastWhileAsking,
    /// The origin.
    Origin,
    /// The store, after the origin has said 304.
    Validated,
}

/// One request, the origin's answer to it, and what must hold. Made by [`ask`]; in fields, `@+5`
/// and `@-5` stand for dates that many seconds from now.
#[derive(Clone, Default)]
pub struct Ask {
    pub method: String,
    /// Follows the case's path.
    pub suffix: String,
    pub fields: Vec<String>,
    pub content: String,
    /// Seconds that pass before the request.
    pub after: u64,

    /// `200 OK`; empty where the origin closes the connection.
    pub reply: String,
    pub reply_fields: Vec<String>,
    pub reply_body: Option<String>,
    /// Sent before everything else.
    pub interim: String,
    /// Seconds that the origin takes.
    pub slow: u64,
    pub undated: bool,

    pub source: Source,
    pub status: Option<u16>,
    pub seen: Vec<String>,
    pub unseen: Vec<String>,
    pub numbers: Vec<(&'static str, u64, u64)>,
    pub text: Option<String>,
    pub sent: Vec<String>,
    pub unsent: Vec<&'static str>,
}

/// A GET, which the origin would answer with 200.
pub fn ask() -> Ask {
    Ask { method: "GET".into(), reply: "200 OK".into(), ..Ask::default() }
}

/// A request with this method.
pub fn method(method: &str) -> Ask {
    Ask { method: method.into(), ..ask() }
}

fn extend<I: IntoIterator<Item: Into<String>>>(lines: &mut Vec<String>, more: I) {
    lines.extend(more.into_iter().map(Into::into));
}

impl Ask {
    /// Request fields.
    pub fn with<I: IntoIterator<Item: Into<String>>>(mut self, fields: I) -> Self {
        extend(&mut self.fields, fields);
        self
    }

    /// A request body.
    pub fn content(mut self, content: &str) -> Self {
        self.content = content.into();
        self
    }

    /// What follows the case's own path.
    pub fn at(mut self, suffix: &str) -> Self {
        self.suffix = suffix.into();
        self
    }

    /// Lets time pass before the request.
    pub fn after(mut self, seconds: u64) -> Self {
        self.after = seconds;
        self
    }

    /// Fields of the origin's answer.
    pub fn origin<I: IntoIterator<Item: Into<String>>>(mut self, fields: I) -> Self {
        extend(&mut self.reply_fields, fields);
        self
    }

    /// The status of the origin's answer.
    pub fn answers(mut self, status: u16) -> Self {
        self.reply = format!("{status} Whatever");
        self
    }

    /// The body of the origin's answer.
    pub fn body(mut self, body: impl Into<String>) -> Self {
        self.reply_body = Some(body.into());
        self
    }

    /// The origin closes the connection without an answer.
    pub fn breaks(mut self) -> Self {
        self.reply.clear();
        self
    }

    /// The origin sends this first.
    pub fn interim(mut self, head: &str) -> Self {
        self.interim = head.into();
        self
    }

    /// The origin takes this many seconds.
    pub fn slow(mut self, seconds: u64) -> Self {
        self.slow = seconds;
        self
    }

    /// The origin's answer has no `Date`.
    pub fn undated(mut self) -> Self {
        self.undated = true;
        self
    }

    fn from(mut self, source: Source) -> Self {
        self.source = source;
        self
    }

    /// The answer is a stored one, the origin is not asked.
    pub fn cached(self) -> Self {
        self.from(Source::Store)
    }

    /// The answer is a stored one.
    pub fn stale(self) -> Self {
        self.from(Source::Past)
    }

    /// The answer is a stored one, the origin is asked behind it.
    pub fn refreshed_behind(self) -> Self {
        self.from(Source::PastWhileAsking)
    }

    /// The answer is the origin's.
    pub fn asked(self) -> Self {
        self.from(Source::Origin)
    }

    /// The answer is a stored one, which the origin has confirmed.
    pub fn validated(self) -> Self {
        self.from(Source::Validated)
    }

    /// The status of the answer.
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Field lines of the answer; all lines of the fields that they name, in order.
    pub fn sees<I: IntoIterator<Item: Into<String>>>(mut self, lines: I) -> Self {
        extend(&mut self.seen, lines);
        self
    }

    /// Fields that are not in the answer.
    pub fn lacks<I: IntoIterator<Item: Into<String>>>(mut self, names: I) -> Self {
        extend(&mut self.unseen, names);
        self
    }

    /// A field of the answer that is a number.
    pub fn number(mut self, name: &'static str, least: u64, most: u64) -> Self {
        self.numbers.push((name, least, most));
        self
    }

    /// The body of the answer.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Field lines that the origin gets; all lines of the fields that they name, in order.
    pub fn sends<I: IntoIterator<Item: Into<String>>>(mut self, lines: I) -> Self {
        extend(&mut self.sent, lines);
        self
    }

    /// Fields that the origin does not get.
    pub fn withholds<const N: usize>(mut self, names: [&'static str; N]) -> Self {
        self.unsent.extend(names);
        self
    }
}
