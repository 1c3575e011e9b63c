//! Messages by weekday and hour, as squares in seven steps of colour.

use std::fmt::Write as _;

use super::super::super::figure::Figure;
use super::super::super::words::tenths;
use super::{percent, pixels};

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// Height of a row in pixels.
const ROW: u64 = 24;
/// Steps of colour, in thousandths of a message for the first ones.
const STEPS: [u64; 18] = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100];
const COLOURS: u64 = 7;

/// The map: a row for each day, with messages for a thousand times that the hour occurred.
pub fn heat_map(id: &str, hours: &[Vec<Figure>]) -> String {
    let max = hours.iter().flatten().filter_map(|figure| figure.number()).max().unwrap_or(0);
    let step = step(max);
    let mut body = String::new();
    for (day, (hours, name)) in (0_u64..).zip(hours.iter().zip(DAYS)) {
        let y = day * ROW;
        write!(body, "<text x=\"-8\" y=\"{}\" text-anchor=\"end\">{name}</text>", y + 16).ok();
        for (hour, figure) in (0_u64..).zip(hours) {
            let (class, label) = match figure {
                Figure::Hidden => ("hid".to_owned(), "fewer than five people".to_owned()),
                Figure::Withheld => ("hid".to_owned(), "hidden, or another number would follow".to_owned()),
                Figure::Shown(number) => {
                    let colour = (number / step).min(COLOURS - 1);
                    (format!("q{colour}"), format!("{} messages", tenths(*number, 1000)))
                }
            };
            write!(
                body,
                "<rect class=\"{class}\" x=\"{}\" y=\"{y}\" width=\"4%\" height=\"{}\"><title>{name} {hour}:00: {label}</title></rect>",
                percent(hour * 10_000 / 24),
                ROW - 2
            )
            .ok();
        }
    }
    for hour in (0..24).step_by(6) {
        write!(body, "<text x=\"{}\" y=\"{}\">{hour}:00</text>", percent(hour * 10_000 / 24), 7 * ROW + 14)
            .ok();
    }
    format!(
        "<div class=\"plot l44 r10\"><svg width=\"100%\" height=\"{}\" role=\"img\" aria-labelledby=\"{id}-t\">\
         <title id=\"{id}-t\">Messages by weekday and hour; the table has the numbers</title>{body}</svg></div>{}",
        7 * ROW + 20,
        key(step, max)
    )
}

/// The smallest step with which all colours reach the largest number.
fn step(max: u64) -> u64 {
    let steps = (0..15).flat_map(|power| STEPS.map(|step| step * 10_u64.pow(power)));
    steps.into_iter().find(|step| step * COLOURS >= max).unwrap_or(max.max(1))
}

/// What the colours mean.
fn key(step: u64, max: u64) -> String {
    let mut key = String::from("<ul class=\"key\"><li class=\"kt\">Messages in an hour:</li>");
    for colour in 0..COLOURS.min(max / step + 1) {
        let from = colour * step;
        let from = format!("{}.{:03}", from / 1000, from % 1000);
        let from = from.trim_end_matches('0').trim_end_matches('.');
        write!(
            key,
            "<li><svg width=\"14\" height=\"14\" aria-hidden=\"true\"><rect class=\"q{colour}\" width=\"14\" height=\"14\"/></svg>from {from}</li>"
        )
        .ok();
    }
    let y = pixels(10);
    write!(
        key,
        "<li><svg width=\"14\" height=\"14\" aria-hidden=\"true\"><rect class=\"hid\" x=\"1\" y=\"{y}\" width=\"12\" height=\"12\"/></svg>not shown</li></ul>"
    )
    .ok();
    key
}
