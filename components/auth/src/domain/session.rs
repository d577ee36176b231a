//! How long a session lives, and what a list of sessions calls a device.

use chrono::{DateTime, TimeDelta, Utc};

/// A session that is not refreshed for this long is over.
pub(crate) const IDLE_SECONDS: i64 = 14 * 24 * 60 * 60;
/// However often it is refreshed, a session is over after this long.
pub(crate) const ABSOLUTE_SECONDS: i64 = 90 * 24 * 60 * 60;
/// So long the direct predecessor of a refresh token gets the same successor again: answers get lost, tabs race.
pub(crate) const RETRY_SECONDS: i64 = 30;
/// How long the second step of a log-in may take.
pub(crate) const CHALLENGE_SECONDS: i64 = 5 * 60;

/// When a session that begins now is over if it is not refreshed, and when at the latest.
pub(crate) fn lifetimes(now: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
    (now + TimeDelta::seconds(IDLE_SECONDS), now + TimeDelta::seconds(ABSOLUTE_SECONDS))
}

/// Names a device by its `User-Agent`, as far as people care: `Firefox on Linux`. Order matters: many programs also
/// claim to be another one.
pub(crate) fn device_name(user_agent: &str) -> String {
    const PROGRAMS: [(&str, &str); 12] = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("SamsungBrowser/", "Samsung Internet"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"),
        ("Safari/", "Safari"),
        ("curl/", "curl"),
        ("python", "Python"),
        ("PostmanRuntime/", "Postman"),
        ("okhttp/", "Android app"),
    ];
    const SYSTEMS: [(&str, &str); 7] = [
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Android", "Android"),
        ("Windows", "Windows"),
        ("CrOS", "ChromeOS"),
        ("Mac OS X", "macOS"),
        ("Linux", "Linux"),
    ];
    let find = |names: &[(&'static str, &'static str)]| {
        names.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    match (find(&PROGRAMS), find(&SYSTEMS)) {
        (Some(program), Some(system)) => format!("{program} on {system}"),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "Unknown device".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_the_name_that_people_know() {
        for (user_agent, name) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36 Edg/126.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
                "Safari on macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            ("curl/8.5.0", "curl"),
            ("python-httpx/0.27", "Python"),
            ("", "Unknown device"),
        ] {
            assert_eq!(device_name(user_agent), name, "{user_agent}");
        }
    }
}
