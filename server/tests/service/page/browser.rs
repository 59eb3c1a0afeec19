//! The page in a real browser: it loads, follows a task to its end, and can be read, by eye, by keyboard and on a telephone.
//!
//! Without a browser each test says that it was skipped; `MURMUR_BROWSER=required` makes that a failure. `MURMUR_SCREENSHOTS=DIR` keeps pictures.

mod chromium;
mod followed;
mod reading;

use chromium::Chromium;

/// A browser, unless this machine has none.
fn browser(test: &str) -> Option<Chromium> {
    let found = Chromium::start();
    if found.is_none() {
        let required = std::env::var("MURMUR_BROWSER").is_ok_and(|value| value == "required");
        assert!(!required, "MURMUR_BROWSER=required, and no chromium is here: apt-get install chromium");
        eprintln!("SKIPPED {test}: no chromium is here (apt-get install chromium)");
    }
    found
}
