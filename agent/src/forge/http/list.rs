//! A kind of list that a forge has, and what is remembered of it.

use std::sync::{Mutex, PoisonError};

use reqwest::Url;

use super::cache::{Cache, Remembered};

/// A kind of list, with the pages that were read last.
#[derive(Debug)]
pub(crate) struct List<R> {
    what: &'static str,
    pages: Mutex<Cache<Page<R>>>,
}

/// One page: of its rows only those that matter.
#[derive(Clone, Debug)]
pub(super) struct Page<R> {
    pub(super) rows: Vec<R>,
    /// `Link` with `rel="next"`, not yet looked at.
    pub(super) next: Option<String>,
}

impl<R: Clone> List<R> {
    /// `what` names the rows in errors, "check runs".
    pub(crate) fn of(what: &'static str) -> Self {
        Self { what, pages: Mutex::new(Cache::default()) }
    }

    pub(super) const fn what(&self) -> &'static str {
        self.what
    }

    pub(super) fn known(&self, token: Option<u64>, url: &Url) -> Option<Remembered<Page<R>>> {
        self.with(|pages| pages.get(token, url).cloned())
    }

    pub(super) fn remember(&self, token: Option<u64>, url: Url, page: Remembered<Page<R>>) {
        self.with(|pages| pages.put(token, url, page));
    }

    fn with<T>(&self, work: impl FnOnce(&mut Cache<Page<R>>) -> T) -> T {
        // A page is put in whole or not at all, whatever happened to the one who held the lock.
        work(&mut self.pages.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
