//! The stand-in of the forge, on a runtime that the whole test binary shares: tests themselves are plain functions.

use std::sync::LazyLock;

use pull_agent_forge::Forge;
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be made")
});

/// Starts one on a free port.
pub(crate) fn start() -> Forge {
    RUNTIME.block_on(Forge::start()).expect("the machine gives a port")
}
