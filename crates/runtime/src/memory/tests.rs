use super::*;
use futures::FutureExt;

#[test]
fn a_charge_grows_until_the_budget_is_spent_and_gives_all_back() {
    let budget = MemoryBudget::new(100);
    let (mut first, mut second) = (budget.open(), budget.open());
    assert_eq!((first.grow_to(60), second.grow_to(40)), (Ok(()), Ok(())));
    assert_eq!((first.grow_to(60), first.grow_to(61)), (Ok(()), Err(BudgetSpent)));
    second.shrink_to(10);
    assert_eq!(budget.free_bytes(), 30);
    second.shrink_to(50);
    assert_eq!(budget.free_bytes(), 30);
    drop(second);
    assert_eq!(first.grow_to(100), Ok(()));
    let expected = MemoryUse { bytes_max: 100, taken_bytes: 100, refused: 1, claimed_back: 0 };
    assert_eq!(budget.usage(), expected);
    drop(first);
    assert_eq!(budget.free_bytes(), 100);
}

#[test]
fn more_than_can_be_counted_is_refused() {
    let budget = MemoryBudget::unbounded();
    assert_eq!(budget.charge(usize::MAX).err(), Some(BudgetSpent));
    assert!(budget.charge(1 << 31).is_ok());
}

#[test]
fn bytes_are_charged_until_the_last_part_of_them_is_dropped() {
    let budget = MemoryBudget::new(14);
    let copy = budget.copy_for_answer(b"12345678", 0).expect("it fits");
    assert_eq!(budget.copy_for_answer(b"12", 0).err(), Some(BudgetSpent));
    let part = copy.slice(2..4);
    drop(copy);
    assert_eq!((budget.free_bytes(), &part[..]), (2, &b"34"[..]));
    drop(part);
    assert_eq!(budget.free_bytes(), 14);
    let mut charge = budget.charge(5).expect("it fits");
    charge.grow_to(6).expect("it fits");
    drop(charge.hold(Bytes::new()));
    assert_eq!(budget.free_bytes(), 14, "nothing is held for no bytes");
}

#[test]
fn many_answers_at_once_are_shorter_and_none_is_refused() {
    let budget = MemoryBudget::new(1 << 20);
    let mut answers: Vec<Vec<Bytes>> = (0..16).map(|_| Vec::new()).collect();
    let grow = |answer: &mut Vec<Bytes>| {
        let held = answer.iter().map(Bytes::len).sum();
        budget.copy_for_answer(&[7; 1_000], held).map(|more| answer.push(more)).is_ok()
    };
    while answers.iter_mut().map(grow).filter(|has_grown| *has_grown).count() > 0 {}
    let (least, most) = (answers.iter().map(Vec::len).min(), answers.iter().map(Vec::len).max());
    assert!(least >= Some(30) && most <= Some(50), "{least:?} {most:?}");
    assert!(grow(&mut Vec::new()), "and another one begins");
}

#[test]
fn a_grant_is_what_is_wanted_or_a_part_of_what_is_left_or_the_least() {
    let budget = MemoryBudget::new(9_000);
    let (first, granted) = budget.grant_answer(1_000, 100).expect("it fits");
    assert_eq!((granted, first.bytes()), (1_000, 1_500));
    let (second, granted) = budget.grant_answer(10_000, 100).expect("a part of it fits");
    assert_eq!((granted, second.bytes()), (1_666, 2_499));
    let others = budget.charge(budget.free_bytes() - 200).expect("it fits");
    assert_eq!(budget.grant_answer(10_000, 100).expect("the least fits").1, 100);
    drop(others.hold(Bytes::from_static(b"x")));
    let _all = budget.charge(budget.free_bytes()).expect("it fits");
    assert!(budget.grant_answer(10_000, 100).is_err());
}

#[tokio::test(start_paused = true)]
async fn the_slowest_clients_lose_as_much_as_is_missing() {
    let budget = MemoryBudget::new(100);
    let tokens: Vec<_> = (0..4).map(|_| CancellationToken::new()).collect();
    let mut held = Vec::new();
    for token in &tokens {
        let bytes = Bytes::from(vec![7; 20]);
        held.push(budget.charge(20).expect("it fits").hold_for_client(bytes, token.clone()));
        tokio::time::advance(SLOW_AFTER / 2).await;
    }
    let mut quick = budget.open();
    let mut growing = Box::pin(quick.grow_to_claiming(50));
    assert!(growing.as_mut().now_or_never().is_none(), "20 bytes are there, 30 are claimed back");
    let gave_up: Vec<bool> = tokens.iter().map(CancellationToken::is_cancelled).collect();
    assert_eq!(gave_up, [true, true, false, false]);
    held.drain(..2);
    assert_eq!(growing.await, Ok(()));
    assert_eq!(budget.usage().claimed_back, 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_claimed_back_from_those_that_do_not_wait_or_not_for_long() {
    let budget = MemoryBudget::new(100);
    let working = budget.charge(50).expect("it fits");
    let token = CancellationToken::new();
    let mut quick = budget.charge(50).expect("it fits");
    let wait = budget.wait_for_client(50, token.clone());
    tokio::time::advance(SLOW_AFTER - Duration::from_millis(1)).await;
    assert_eq!(budget.charge(1).err(), Some(BudgetSpent));
    assert_eq!(
        budget.open().grow_to_claiming(1).now_or_never(),
        Some(Err(BudgetSpent)),
        "there is nothing to wait for"
    );
    wait.holds(10);
    quick.shrink_to(10);
    drop((working, wait));
    tokio::time::advance(SLOW_AFTER).await;
    assert!(budget.charge(91).is_err());
    assert!(!token.is_cancelled(), "it had come to its end");
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_claimed_back_and_do_not_come_are_not_waited_for_long() {
    let budget = MemoryBudget::new(100);
    let stuck = budget.charge(100).expect("it fits");
    let _wait = budget.wait_for_client(stuck.bytes(), CancellationToken::new());
    tokio::time::advance(SLOW_AFTER).await;
    let mut charge = budget.open();
    let began = Instant::now();
    assert_eq!(charge.grow_to_claiming(1).await, Err(BudgetSpent));
    assert_eq!(began.elapsed(), CLAIMED_BACK_WITHIN);
}
