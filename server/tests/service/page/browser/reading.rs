//! Whether the page can be read and used: at every width and in every colour, and without a mouse.

use serde_json::Value;

use super::chromium::Chromium;

const CHECKS: &str = include_str!("checks.js");
/// Everything that a keyboard reaches, in order.
const STOPS: &str =
    r#"[...document.querySelectorAll("a[href], summary, [tabindex='0']")].filter((stop) => stop.checkVisibility())"#;

/// Looks at the page on a desk and on a telephone, in the light and in the dark.
pub(super) fn can_be_read(browser: &mut Chromium, name: &str) {
    let mut backgrounds = Vec::new();
    for width in [1280, 400] {
        for scheme in ["light", "dark"] {
            browser.show(width, scheme);
            browser.picture(&format!("{name}-{width}-{scheme}"));
            let found = browser.evaluate(CHECKS);
            let of = format!("{name} at {width} px, {scheme}");
            assert!(found["pieces"].as_u64().unwrap() > 40, "{of}: {found}");
            assert!(found["too_wide"].as_i64().unwrap() <= 0, "{of}: {found}");
            for mistake in ["overlaps", "faint", "skipped", "nameless"] {
                assert_eq!(found[mistake], Value::Array(Vec::new()), "{of}: {mistake}");
            }
            backgrounds.push(found["background"].clone());
        }
    }
    assert_ne!(backgrounds[0], backgrounds[1], "the dark is another scheme");
}

/// Walks through the page by the tabulator key: every stop is reached in order, and seen.
pub(super) fn can_be_walked(browser: &mut Chromium, width: u32) {
    browser.show(width, "light");
    browser.evaluate("document.activeElement.blur(), getSelection().removeAllRanges(), scrollTo(0, 0)");
    // From the top, wherever somebody was before.
    browser.evaluate("document.body.tabIndex = -1, document.body.focus(), document.body.removeAttribute('tabindex')");
    let stops = browser.evaluate(&format!("{STOPS}.length")).as_u64().unwrap();
    assert!(stops > 10, "{stops}");
    for stop in 0..stops {
        browser.press("Tab", 9, "");
        let found = browser.evaluate(&format!(
            r#"(() => {{
                const [stop, style] = [document.activeElement, getComputedStyle(document.activeElement)];
                const box = stop.getBoundingClientRect();
                const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2
                    && box.bottom > 0 && box.top < innerHeight;
                return {{ place: {STOPS}.indexOf(stop), seen, what: stop.outerHTML.slice(0, 120) }};
            }})()"#
        ));
        assert_eq!((&found["place"], &found["seen"]), (&stop.into(), &true.into()), "{found}");
    }
}

/// Opens and closes what can be opened, by the enter key.
pub(super) fn can_be_opened(browser: &mut Chromium) {
    let opened = "document.querySelector('#tasks details').open";
    let before = browser.evaluate(opened);
    for expected in [before != true, before == true] {
        browser.evaluate("document.querySelector('#tasks details > summary').focus()");
        browser.press("Enter", 13, "\r");
        assert_eq!(browser.evaluate(opened), expected);
    }
}
