//! `Precompress`: in which codings stored bodies are kept.

use std::sync::Arc;

use crate::{config::error::ConfigError, engine::packing::Packing, semantics::negotiation::Coding};

/// In which codings text is stored, so that it is packed once and not for every response.
///
/// | setting | default |
/// | --- | --- |
/// | [`br`](Self::br) | level 5 |
/// | [`gzip`](Self::gzip) | level 6 |
/// | [`zstd`](Self::zstd) | level 3 |
/// | [`above`](Self::above) | 1024 bytes |
///
/// ```
/// use actix_response_cache::{Precompress, ResponseCache};
///
/// let cache = ResponseCache::memory().precompress(Precompress::new().br(9).zstd(None));
/// ```
///
/// See [`guide::compression`](crate::guide::compression).
#[must_use = "a setting does nothing until a cache gets it"]
#[derive(Clone, Debug)]
pub struct Precompress {
    br: Option<u32>,
    gzip: Option<u32>,
    zstd: Option<u32>,
    above: usize,
}

impl Precompress {
    /// The defaults of the table above.
    pub fn new() -> Self {
        Self { br: Some(5), gzip: Some(6), zstd: Some(3), above: 1024 }
    }

    /// The level of brotli, from 0 to 11; `None`: not this coding. Default: 5.
    ///
    /// # Errors
    ///
    /// Another level keeps the server from starting.
    pub fn br(mut self, level: impl Into<Option<u32>>) -> Self {
        self.br = level.into();
        self
    }

    /// The level of gzip, from 1 to 9; `None`: not this coding. Default: 6.
    ///
    /// # Errors
    ///
    /// Another level keeps the server from starting.
    pub fn gzip(mut self, level: impl Into<Option<u32>>) -> Self {
        self.gzip = level.into();
        self
    }

    /// The level of zstd, from 1 to 19; `None`: not this coding. Default: 3.
    ///
    /// # Errors
    ///
    /// Another level keeps the server from starting.
    pub fn zstd(mut self, level: impl Into<Option<u32>>) -> Self {
        self.zstd = level.into();
        self
    }

    /// Bodies of more bytes than this are packed. Default: 1024, as what fits into one packet arrives no
    /// earlier for being smaller.
    pub fn above(mut self, bytes: usize) -> Self {
        self.above = bytes;
        self
    }

    /// What cannot be used.
    pub(crate) fn error(&self) -> Option<ConfigError> {
        let levels = [
            ("Precompress::br", self.br, 0..=11),
            ("Precompress::gzip", self.gzip, 1..=9),
            ("Precompress::zstd", self.zstd, 1..=19),
        ];
        let wrong = levels.into_iter().find_map(|(setting, level, allowed)| {
            let level = level.filter(|level| !allowed.contains(level))?;
            let (low, high) = allowed.into_inner();
            Some(ConfigError::new(setting, format!("{level} is not a level from {low} to {high}")))
        });
        let none = [self.br, self.gzip, self.zstd].iter().all(Option::is_none);
        wrong.or_else(|| none.then(|| ConfigError::new("precompress", "names no coding")))
    }

    pub(crate) fn packing(&self) -> Arc<Packing> {
        let levels =
            [(Coding::Brotli, self.br), (Coding::Zstd, self.zstd), (Coding::Gzip, self.gzip)];
        let levels = levels.into_iter().filter_map(|(coding, level)| Some((coding, level?)));
        Arc::new(Packing { levels: levels.collect(), above: self.above })
    }
}

impl Default for Precompress {
    fn default() -> Self {
        Self::new()
    }
}
