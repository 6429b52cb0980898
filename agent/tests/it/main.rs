//! Tests of the programs from outside, in one binary. Every test has its own directory and its own sockets.

mod ctl;
