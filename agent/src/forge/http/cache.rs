//! What the forge said, by token and address: an ETag is valid for one token only. Small and in memory.

use std::collections::VecDeque;

use reqwest::Url;

/// Addresses that are remembered: the pages of the wanted revision and of those just before.
const ENTRIES: usize = 24;

/// Answers with their ETags, the newest last.
#[derive(Debug)]
pub(super) struct Cache<T> {
    entries: VecDeque<(Option<u64>, Url, Remembered<T>)>,
}

/// One answer.
#[derive(Clone, Debug)]
pub(super) struct Remembered<T> {
    /// As the forge sent it.
    pub(super) etag: String,
    /// What was read from the body.
    pub(super) value: T,
}

impl<T> Default for Cache<T> {
    fn default() -> Self {
        Self { entries: VecDeque::new() }
    }
}

impl<T: Clone> Cache<T> {
    /// What was said to this token at this address.
    pub(super) fn get(&self, token: Option<u64>, url: &Url) -> Option<&Remembered<T>> {
        self.entries.iter().find(|(t, u, _)| *t == token && u == url).map(|(_, _, entry)| entry)
    }

    /// Remembers an answer, in place of what was there, and forgets the oldest beyond the bound.
    pub(super) fn put(&mut self, token: Option<u64>, url: Url, entry: Remembered<T>) {
        self.entries.retain(|(t, u, _)| *t != token || *u != url);
        self.entries.push_back((token, url, entry));
        if self.entries.len() > ENTRIES {
            self.entries.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(n: usize) -> Url {
        format!("http://localhost/{n}").parse().expect("a url")
    }

    fn entry(value: usize) -> Remembered<usize> {
        Remembered { etag: String::new(), value }
    }

    #[test]
    fn an_answer_belongs_to_one_token_and_address() {
        let mut cache = Cache::default();
        cache.put(Some(1), url(1), entry(11));
        cache.put(Some(1), url(1), entry(12));
        assert_eq!(cache.get(Some(1), &url(1)).map(|e| e.value), Some(12));
        assert!(cache.get(None, &url(1)).is_none() && cache.get(Some(1), &url(2)).is_none());
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let mut cache = Cache::default();
        for n in 0..=ENTRIES {
            cache.put(Some(1), url(n), entry(n));
        }
        assert_eq!(cache.entries.len(), ENTRIES);
        assert!(cache.get(Some(1), &url(0)).is_none() && cache.get(Some(1), &url(1)).is_some());
    }
}
