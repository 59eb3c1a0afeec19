//! Named points between two steps, at which tests let the process die. In a release they are nothing at all.

/// Dies here if a test asked for it (`FAILPOINTS="NAME=return"`), without a destructor or a flush: what `kill -9` leaves is left.
#[cfg(feature = "failpoints")]
pub(crate) fn reached(name: &str) {
    debug_assert!(POINTS.contains(&name), "{name} is not listed");
    fail::fail_point!(name, |_| std::process::abort());
}

/// Nothing.
#[cfg(not(feature = "failpoints"))]
#[inline(always)]
pub(crate) fn reached(_: &str) {}

/// All of them, in about the order in which a task meets them.
#[cfg(feature = "failpoints")]
pub const POINTS: &[&str] = &[
    "enrol.before",
    "enrol.redeemed",
    "enrol.certified",
    "serve.founding",
    "serve.founded",
    "serve.task-kept",
    "serve.started",
    "serve.listening",
    "store.before",
    "store.written",
    "store.synced",
    "store.renamed",
    "store.after",
    "publish.before",
    "publish.after",
    "turn-away.before",
    "keep.before",
    "keep.after",
    "persist.opened.before",
    "persist.opened.after",
    "assign.before",
    "assign.after",
    "upload.announced",
    "upload.chunk",
    "upload.checked",
    "answer.before",
    "answer.after",
    "upload.answered",
    "record.before",
    "record.after",
    "persist.spent.before",
    "persist.spent.after",
    "noised",
    "persist.released.before",
    "persist.released.after",
    "commit.before",
    "commit.after",
    "forget.before",
    "forget.deleted",
    "forget.after",
    "persist.abandoned.before",
    "persist.abandoned.after",
    "finished",
    "shutdown.door-closed",
    "shutdown.thread-joined",
];
