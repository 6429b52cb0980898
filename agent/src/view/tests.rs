//! The status document, field by field, of states to which events led.

mod documents;
mod records;
mod warnings;
