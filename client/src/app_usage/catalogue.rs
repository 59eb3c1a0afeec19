//! The applications on everybody's telephone, and what people in general do with them. All of it is made up.

/// What people in general do with an application.
pub(super) struct App {
    pub(super) name: &'static str,
    /// How often it is opened, all in all.
    pub(super) popularity: f32,
    /// How many times as often in each part of the day.
    pub(super) day: [f32; PARTS],
    /// How many times as often at home, at work and on the way.
    pub(super) places: [f32; PLACES],
    /// How many times as often on a day off.
    pub(super) day_off: f32,
    /// How many times as often with headphones on.
    pub(super) headphones: f32,
    /// What it is often opened after, and how many times as often then.
    pub(super) follows: &'static [(&'static str, f32)],
}

/// Parts of a day: night, early morning, morning, afternoon, evening, late evening.
pub(super) const PARTS: usize = 6;
/// Home, work, on the way.
pub(super) const PLACES: usize = 3;
/// Number of applications.
pub const APPS: usize = 20;

const EVEN: [f32; PARTS] = [1.0; PARTS];
const ANYWHERE: [f32; PLACES] = [1.0; PLACES];

const fn app(name: &'static str, popularity: f32) -> App {
    App { name, popularity, day: EVEN, places: ANYWHERE, day_off: 1.0, headphones: 1.0, follows: &[] }
}

pub(super) const CATALOGUE: [App; APPS] = [
    App { follows: &[("camera", 3.0), ("photos", 3.0), ("maps", 2.0), ("browser", 1.5)], ..app("messages", 9.0) },
    App {
        day: [0.1, 1.5, 3.0, 2.0, 0.5, 0.3],
        places: [0.6, 4.0, 0.8],
        day_off: 0.3,
        follows: &[("calendar", 3.0), ("documents", 2.5)],
        ..app("mail", 5.0)
    },
    App { follows: &[("messages", 2.0), ("news", 2.5), ("mail", 1.5)], ..app("browser", 6.0) },
    App {
        places: [0.7, 0.3, 2.5],
        day_off: 2.5,
        day: [0.1, 0.5, 1.0, 1.5, 1.0, 0.3],
        follows: &[("maps", 2.0)],
        ..app("camera", 2.5)
    },
    App { follows: &[("camera", 12.0), ("messages", 1.3)], day_off: 1.5, ..app("photos", 2.5) },
    App {
        places: [0.4, 0.5, 5.0],
        day: [0.3, 1.5, 1.0, 1.2, 1.2, 0.5],
        follows: &[("calendar", 4.0), ("messages", 1.8), ("taxi", 2.0)],
        ..app("maps", 2.5)
    },
    App {
        headphones: 9.0,
        places: [0.8, 0.8, 2.0],
        day: [0.2, 1.5, 1.0, 1.0, 1.2, 0.6],
        follows: &[("podcasts", 2.0), ("training", 3.0)],
        ..app("music", 3.0)
    },
    App { headphones: 7.0, day: [0.2, 3.0, 0.6, 0.6, 1.0, 2.0], places: [1.0, 0.3, 2.5], ..app("podcasts", 1.5) },
    App {
        day: [0.5, 0.3, 0.2, 0.6, 3.5, 5.0],
        places: [3.0, 0.1, 0.6],
        day_off: 2.0,
        headphones: 2.0,
        ..app("video", 3.5)
    },
    App { day: [0.1, 4.0, 1.2, 0.8, 1.0, 1.0], follows: &[("weather", 4.0), ("alarm", 3.0)], ..app("news", 2.5) },
    App { day: [0.2, 6.0, 1.0, 0.6, 0.8, 0.4], day_off: 1.5, follows: &[("alarm", 8.0)], ..app("weather", 1.8) },
    App { day: [3.0, 4.0, 0.1, 0.1, 0.2, 4.0], places: [3.0, 0.1, 0.1], ..app("alarm", 1.8) },
    App {
        day: [0.1, 2.0, 2.5, 1.5, 0.5, 0.2],
        places: [0.6, 3.0, 0.8],
        day_off: 0.3,
        follows: &[("mail", 3.0), ("messages", 1.3)],
        ..app("calendar", 2.0)
    },
    App {
        places: [0.2, 6.0, 0.2],
        day_off: 0.1,
        day: [0.1, 0.3, 2.0, 2.0, 0.3, 0.1],
        follows: &[("mail", 4.0)],
        ..app("documents", 1.5)
    },
    App { follows: &[("messages", 2.0), ("photos", 2.5), ("social", 1.8)], day_off: 1.3, ..app("social", 6.0) },
    App {
        day: [0.5, 0.5, 0.3, 0.7, 2.0, 3.0],
        places: [1.8, 0.2, 2.0],
        follows: &[("games", 2.5)],
        ..app("games", 3.0)
    },
    App { day: [0.1, 0.8, 1.2, 1.0, 1.0, 0.4], follows: &[("shopping", 5.0), ("mail", 1.5)], ..app("bank", 1.2) },
    App {
        day: [0.2, 0.3, 0.6, 1.0, 2.0, 1.8],
        places: [1.8, 0.6, 0.8],
        follows: &[("browser", 2.5)],
        ..app("shopping", 1.8)
    },
    App {
        day: [0.1, 2.5, 0.5, 0.8, 2.5, 0.1],
        day_off: 2.0,
        headphones: 2.5,
        places: [1.0, 0.1, 2.0],
        ..app("training", 1.2)
    },
    App { day: [2.0, 1.0, 0.8, 0.8, 1.5, 2.5], places: [0.6, 0.8, 3.0], follows: &[("maps", 4.0)], ..app("taxi", 0.8) },
];
