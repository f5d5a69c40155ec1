use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Costs enough that every thread of the lease gets a part.
const COSTLY: f32 = 1e6;

fn counts(tasks: usize) -> Vec<AtomicUsize> {
    (0..tasks).map(|_| AtomicUsize::new(0)).collect()
}

fn each_once(lease: &mut Lease<'_>, tasks: usize, cost: f32) {
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
    team.lease().parallel(100, 1.0, |begin, end| {
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
