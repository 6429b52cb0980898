//! Every transition, one by one. [`machine::Machine::check`] is the one way in: it names the commands that must come out
//! and the fields that may change, and nothing else may happen.

mod back;
mod build;
mod cause;
mod fate;
mod follow;
mod gate;
mod hold;
mod late;
mod look_back;
mod machine;
mod operator;
mod outbox;
mod released;
mod restart;
mod saved;
mod switch;
mod table;
mod trust;
mod verdict_age;
