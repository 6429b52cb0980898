//! Tests of the drivers against real processes and servers, in one binary.

mod rebuild;
