use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Costs enough that every thread of the lease gets a part.
const COSTLY: f64 = 1e6;

fn counts(tasks: usize) -> Vec<AtomicUsize> {
    (0..tasks).map(|_| AtomicUsize::new(0)).collect()
}

fn each_once(lease: &mut Lease<'_>, tasks: usize, cost: f64) {
    let done = counts(tasks);
    lease.parallel(tasks, cost, |begin, end| {
        for count in &done[begin..end] {
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    assert!(done.iter().all(|count| count.load(Ordering::Relaxed) == 1), "{tasks} tasks");
}

#[test]
fn parts_cover_all_tasks_in_order() {
    for tasks in 1..40 {
        for parts in 1..=tasks {
            let mut next = 0;
            for index in 0..parts {
                let (begin, end) = part(tasks, parts, index);
                assert!(begin == next && end > begin);
                next = end;
            }
            assert_eq!(next, tasks);
        }
    }
}

#[test]
fn does_each_task_once() {
    let mut team = Team::new(4);
    let mut lease = team.lease();
    for tasks in [0, 1, 2, 3, 7, 100, 1001] {
        each_once(&mut lease, tasks, COSTLY);
        each_once(&mut lease, tasks, 0.0);
    }
}

#[test]
fn a_team_of_one_has_no_workers_and_calls_once() {
    let mut team = Team::new(1);
    let mut lease = team.lease();
    assert_eq!(lease.threads(), 1);
    let caller = thread::current().id();
    let calls = AtomicUsize::new(0);
    lease.parallel(1000, COSTLY, |begin, end| {
        assert_eq!((begin, end, thread::current().id()), (0, 1000, caller));
        calls.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(calls.into_inner(), 1);
}

#[test]
fn small_work_stays_on_the_caller() {
    let mut team = Team::new(4);
    let caller = thread::current().id();
    team.lease().parallel(100, 100.0, |begin, end| {
        assert_eq!((begin, end, thread::current().id()), (0, 100, caller));
    });
}

#[test]
fn many_user_threads_share_the_pool() {
    let start = Barrier::new(6);
    thread::scope(|scope| {
        for user in 0..6 {
            let start = &start;
            scope.spawn(move || {
                let mut team = Team::new(1 + user % 4);
                start.wait();
                for round in 0..200 {
                    let mut lease = team.lease();
                    assert!(lease.threads() <= 1 + user % 4);
                    for kernel in 0..10 {
                        each_once(&mut lease, 1 + (round * 7 + kernel * 13 + user) % 50, COSTLY);
                    }
                }
            });
        }
    });
}

#[test]
fn leases_may_nest() {
    let mut outer = Team::new(3);
    let total = AtomicUsize::new(0);
    outer.lease().parallel(8, COSTLY, |begin, end| {
        let mut inner = Team::new(3);
        inner.lease().parallel(end - begin, COSTLY, |begin, end| {
            total.fetch_add(end - begin, Ordering::Relaxed);
        });
    });
    assert_eq!(total.into_inner(), 8);
}

#[test]
fn a_panic_on_any_thread_reaches_the_caller_and_the_pool_lives_on() {
    let mut team = Team::new(3);
    for guilty in [0, 5, 8] {
        let mut lease = team.lease();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            lease.parallel(9, COSTLY, |begin, end| assert!(!(begin..end).contains(&guilty), "task {guilty}"));
        }));
        let message = *outcome.unwrap_err().downcast::<String>().unwrap();
        assert_eq!(message, format!("task {guilty}"));
        each_once(&mut lease, 100, COSTLY);
    }
}

#[test]
fn a_forgotten_lease_is_found_again() {
    let mut team = Team::new(2);
    std::mem::forget(team.lease());
    each_once(&mut team.lease(), 10, COSTLY);
}

#[test]
fn panics_of_several_threads_leave_nothing_behind() {
    let mut team = Team::new(3);
    let mut lease = team.lease();
    for _ in 0..20 {
        let all =
            catch_unwind(AssertUnwindSafe(|| lease.parallel(9, COSTLY, |begin, _| panic!("at {begin}"))));
        assert!(all.is_err());
        each_once(&mut lease, 100, COSTLY);
    }
}

/// Stages each of which adds, for a task, what its neighbours had before, so that a thread that runs ahead gives other sums.
struct Diffusion {
    cells: [Vec<AtomicUsize>; 2],
    /// The number of threads that each stage is worth.
    wide: fn(usize) -> usize,
    end: AtomicUsize,
    /// The stage that lowers the end.
    last: usize,
}

impl Diffusion {
    fn new(cells: usize, stages: usize, last: usize, wide: fn(usize) -> usize) -> Self {
        let first = counts(cells);
        first[0].store(1, Ordering::Relaxed);
        Diffusion { cells: [first, counts(cells)], wide, end: AtomicUsize::new(stages), last }
    }

    fn values(self, stages: usize) -> Vec<usize> {
        let [even, odd] = self.cells;
        let last = if stages.is_multiple_of(2) { even } else { odd };
        last.into_iter().map(AtomicUsize::into_inner).collect()
    }
}

impl Stages for Diffusion {
    fn end(&self) -> usize {
        self.end.load(Ordering::Relaxed)
    }

    fn size(&self, stage: usize) -> (usize, f64) {
        (self.cells[0].len(), MIN_PART_NANOS * (self.wide)(stage) as f64)
    }

    fn run(&self, stage: usize, begin: usize, end: usize) {
        let (from, to) = (&self.cells[stage % 2], &self.cells[(stage + 1) % 2]);
        for (cell, to) in to.iter().enumerate().take(end).skip(begin) {
            let old = |cell: usize| from.get(cell).map_or(0, |value| value.load(Ordering::Relaxed));
            let sum = old(cell.wrapping_sub(1)).wrapping_add(old(cell)).wrapping_add(old(cell + 1));
            to.store(sum, Ordering::Relaxed);
        }
        if stage == self.last {
            self.end.fetch_min(stage + 1, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_stage_begins_when_all_before_are_done() {
    for wide in [|_| 4, |_| 1, |stage| 1 + stage % 4, |stage| if stage % 7 == 3 { 1 } else { 3 }] {
        for (stages, last) in [(1, 9), (2, 9), (50, 99), (400, 999), (50, 0), (50, 23), (50, 49)] {
            let alone = Diffusion::new(37, stages, last, wide);
            Team::new(1).lease().run(&alone);
            let together = Diffusion::new(37, stages, last, wide);
            Team::new(4).lease().run(&together);
            let done = stages.min(last + 1);
            assert_eq!(alone.values(done), together.values(done), "{stages} stages, the last {last}");
        }
    }
}

#[test]
fn a_panic_in_a_later_stage_reaches_the_caller_and_the_pool_lives_on() {
    /// Panics in one part of one stage; notes the latest stage that was begun.
    struct Panics {
        part: usize,
        latest: AtomicUsize,
    }
    impl Stages for Panics {
        fn end(&self) -> usize {
            20
        }
        fn size(&self, _: usize) -> (usize, f64) {
            (3, COSTLY)
        }
        fn run(&self, stage: usize, begin: usize, end: usize) {
            self.latest.fetch_max(stage, Ordering::Relaxed);
            assert!(stage != 11 || !(begin..end).contains(&self.part), "part {}", self.part);
        }
    }
    let mut team = Team::new(3);
    let mut lease = team.lease();
    for round in 0..30 {
        let panics = Panics { part: round % 3, latest: AtomicUsize::new(0) };
        let outcome = catch_unwind(AssertUnwindSafe(|| lease.run(&panics)));
        let message = *outcome.unwrap_err().downcast::<String>().unwrap();
        assert_eq!(message, format!("part {}", round % 3));
        assert_eq!(panics.latest.into_inner(), 11);
        each_once(&mut lease, 100, COSTLY);
    }
}

/// The states that the system gives for all workers of the process.
#[cfg(target_os = "linux")]
fn worker_states() -> Vec<char> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let stats = tasks.filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("stat")).ok());
    // A line is `id (name) state …`.
    stats.filter_map(|stat| stat.split_once("(dl-worker-")?.1.split_once(") ")?.1.chars().next()).collect()
}

#[test]
#[cfg(target_os = "linux")]
fn idle_workers_sleep() {
    let mut team = Team::new(3);
    let mut lease = team.lease();
    each_once(&mut lease, 100, COSTLY);
    // A thread takes its name when it first runs. Hangs if one of them spins for ever.
    let all_sleep = |states: Vec<char>| states.len() >= 2 && states.iter().all(|&state| state == 'S');
    while !all_sleep(worker_states()) {
        thread::yield_now();
    }
    each_once(&mut lease, 100, COSTLY);
}
