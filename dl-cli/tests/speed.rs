//! Reports and pictures of `benches/speed`, made of given times.

use std::fs;
use std::path::Path;

#[path = "../benches/speed/peers/cases.rs"]
mod cases;
#[path = "../benches/speed/peers/chart.rs"]
mod chart;
#[path = "../benches/speed/peers/markdown.rs"]
mod markdown;
#[path = "../benches/speed/growth/plot.rs"]
mod plot;
#[path = "../benches/speed/peers/report.rs"]
mod report;
#[path = "../benches/speed/growth/series.rs"]
mod series;
#[path = "../benches/speed/svg.rs"]
mod svg;

use cases::{CASES, Case};
use report::{CaseReport, Floor, LeftOut, Report, Times};
use series::{Point, Series};

fn times(steps: [f64; 3]) -> Vec<Times> {
    let times = |step_us| Times { step_us, predict1_us: step_us / 10.0, version: "1.2".to_owned() };
    steps.map(times).to_vec()
}

fn floor(peak_gflops: f64, flops_us: f64) -> Floor {
    Floor { mflop: 6.0, peak_gflops, gbytes_per_second: 90.0, flops_us, bytes_us: 3.0, divider_us: 2.0 }
}

fn report() -> Report {
    let programs = vec![
        ("dl", times([100.0, 300.0, 110.0])),
        // Slow rounds are slow for all.
        ("peer", times([200.0, 900.0, 165.0])),
    ];
    let floors = [floor(300.0, 20.0), floor(280.0, 22.0)];
    let case = CaseReport::new("mlp4-2_b8_adam", "< dense(4, 2) >", 8, &floors, programs);
    let left_out = vec![LeftOut { program: "other", case: None, why: "it is not there".to_owned() }];
    let cpu = "A & B".to_owned();
    Report { cpu, threads: 2, load: None, rounds: 3, seconds: 1.0, cases: vec![case], left_out }
}

#[test]
fn reports_are_tables_of_a_document() {
    let text = markdown::markdown(&report());
    let table = "| a step, µs | dl 1.2 | peer 1.2 |\n| --- | ---: | ---: |\n| mlp4-2_b8_adam | 110 | 200 |\n";
    assert!(text.contains(table), "{text}");
    assert!(text.contains("| mlp4-2_b8_adam | 0.50 | 0.18 | 11.0 |"), "{text}");
}

/// The README shows what was measured, and nothing typed in.
#[test]
fn the_readme_has_the_measured_steps() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |path: &str| fs::read_to_string(root.join(path)).expect("a file of the repository");
    let measured = read("docs/measured/peers.md");
    let rows = measured.lines().filter(|line| line.starts_with("| "));
    let table: Vec<&str> = rows.take(2 + CASES.len()).collect();
    let readme = read("README.md");
    assert!(readme.contains(&table.join("\n")), "README.md lacks the table of docs/measured/peers.md");
}

#[test]
fn every_peer_knows_every_case() {
    for Case { name, title, network, batch } in CASES {
        assert!(title.contains(&format!(", batch {batch}, ")), "{title} says another batch than {batch}");
        assert!(name.contains(&format!("_b{batch}_")), "{name} says another batch than {batch}");
        dl::Network::parse(network).expect("a network");
        for program in
            ["peer_jax.py", "peer_torch.py", "peer_keras.py", "burn/src/main.rs", "candle/src/main.rs"]
        {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/speed/peers").join(program);
            let text = fs::read_to_string(path).expect("a program beside the cases");
            assert!(text.contains(&format!("\"{name}\"")), "{program} has no {name}");
        }
    }
}

#[test]
fn ratios_are_of_rounds_and_limits_the_best() {
    let json = serde_json::to_value(report()).expect("it has names as keys");
    let case = &json["cases"][0];
    assert_eq!(case["programs"][1]["median"]["step_us"], 200.0);
    assert_eq!(case["programs"][1]["step_ratio"], 2.0);
    assert_eq!(case["programs"][1]["rounds"].as_array().map(Vec::len), Some(3));
    assert_eq!((&case["floor"]["peak_gflops"], &case["times_floor"]), (&300.0.into(), &5.5.into()));
    assert_eq!(json["left_out"][0]["program"], "other");
    let text = report().to_string();
    assert!(text.contains("165–900") && text.contains("left out: other: it is not there"), "{text}");
}

#[test]
fn the_chart_has_a_bar_for_each_peer_and_the_floor() {
    let svg = chart::chart(&report());
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && svg.contains("A &amp; B"), "{svg}");
    // Of the step; the prediction has no floor.
    assert_eq!((svg.matches("class=\"slower\"").count(), svg.matches("class=\"floor\"").count()), (2, 1));
    assert!(svg.contains("2.00×") && svg.contains("0.18×") && svg.contains("dl 110 µs"), "{svg}");
}

#[test]
fn what_grows_faster_than_its_work_is_flagged() {
    let point = |value, step_us, flops| Point { value, step_us, compile_us: 10.0 * value as f64, flops };
    // Four times the work may cost 4.6 times as much, and twice the work 2.3 times.
    let points = [point(1, 10.0, 100), point(2, 45.0, 400), point(4, 106.0, 800)];
    let all = Series::of("depth", &points);
    let flags: Vec<bool> = all[0].rows.iter().map(|row| row.is_flagged).collect();
    assert_eq!((all.len(), flags), (2, vec![false, false, true]));
    let text = series::document(&all);
    assert!(text.contains("| 4 | 106.0 | 8 | 2.36 ⚠ |") && text.matches('⚠').count() == 2, "{text}");
    let svg = plot::plot(&all);
    assert_eq!((svg.matches("class=\"curve\"").count(), svg.matches("class=\"flag\"").count()), (2, 1));
}
