//! A budget of bytes for the bodies of unanswered requests (D16).
//!
//! Never waits: when it is used up the client is told to come back.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The budget. Clones share it.
#[derive(Debug, Clone)]
pub struct ByteBudget {
    free: Arc<Semaphore>,
}

/// Bytes taken from a budget, given back on drop.
#[derive(Debug)]
pub struct Charge {
    permit: OwnedSemaphorePermit,
}

/// The budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the budget of bytes is used up")]
pub struct BudgetSpent;

impl ByteBudget {
    /// A budget of so many bytes.
    pub fn new(bytes: usize) -> Self {
        ByteBudget { free: Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))) }
    }

    /// An empty charge, to grow.
    ///
    /// # Errors
    /// None that can happen: the budget is never closed.
    pub fn open(&self) -> Result<Charge, BudgetSpent> {
        Arc::clone(&self.free).try_acquire_many_owned(0).map(|permit| Charge { permit }).map_err(|_| BudgetSpent)
    }

    /// Bytes that nobody has taken.
    pub fn free_bytes(&self) -> usize {
        self.free.available_permits()
    }
}

impl Charge {
    /// Takes what is missing to `bytes`, all or nothing.
    ///
    /// # Errors
    /// [`BudgetSpent`] when it is not there; what was taken before stays taken.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), BudgetSpent> {
        let missing = u32::try_from(bytes.saturating_sub(self.permit.num_permits())).map_err(|_| BudgetSpent)?;
        if missing == 0 {
            return Ok(());
        }
        let more = Arc::clone(self.permit.semaphore()).try_acquire_many_owned(missing).map_err(|_| BudgetSpent)?;
        self.permit.merge(more);
        Ok(())
    }

    /// Gives back what is above `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        let surplus = self.permit.num_permits().saturating_sub(bytes);
        drop(self.permit.split(surplus));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charge_grows_until_the_budget_is_spent_and_gives_all_back() {
        let budget = ByteBudget::new(100);
        let mut first = budget.open().expect("an empty charge costs nothing");
        let mut second = budget.open().expect("an empty charge costs nothing");
        assert_eq!((first.grow_to(60), second.grow_to(40)), (Ok(()), Ok(())));
        assert_eq!((first.grow_to(60), first.grow_to(61)), (Ok(()), Err(BudgetSpent)));
        second.shrink_to(10);
        assert_eq!(budget.free_bytes(), 30);
        second.shrink_to(50);
        assert_eq!(budget.free_bytes(), 30);
        drop(second);
        assert_eq!(first.grow_to(100), Ok(()));
        drop(first);
        assert_eq!(budget.free_bytes(), 100);
    }
}
