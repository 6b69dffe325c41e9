//! The connections to one database that are kept: so many at most, and none that is dead.

use std::time::Duration;

use deadpool::{
    Runtime,
    managed::{self, Metrics, Object, PoolError, RecycleError, RecycleResult, TimeoutType, Timeouts},
};
use tokio::time::{Instant, timeout};

use super::connect::{Connection, Dialer};
use crate::receipt::{DatabaseFault, Stage, Unreachable};

/// How long a call waits for a connection.
const WAIT: Duration = Duration::from_secs(5);
/// A connection that nobody used for so long is asked whether it is alive before somebody does.
const DOUBTED_AFTER: Duration = Duration::from_secs(10);
/// How long it may take to answer.
const CHECK: Duration = Duration::from_secs(2);

/// A connection of the pool, which goes back into it when this is dropped.
pub(super) type Pooled = Object<Manager>;

/// Connections that are made as they are needed and kept.
pub(super) struct Pool(managed::Pool<Manager>);

/// What the pool library asks for connections.
pub(super) struct Manager(Dialer);

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = DatabaseFault;

    async fn create(&self) -> Result<Connection, DatabaseFault> {
        self.0.connect().await
    }

    async fn recycle(&self, connection: &mut Connection, metrics: &Metrics) -> RecycleResult<DatabaseFault> {
        if connection.client.is_closed() {
            return Err(RecycleError::message("the server closed it"));
        }
        if metrics.last_used() >= DOUBTED_AFTER {
            let check = timeout(CHECK, connection.client.check_connection()).await;
            check.ok().and_then(Result::ok).ok_or_else(|| RecycleError::message("it does not answer"))?;
        }
        Ok(())
    }
}

impl Pool {
    pub(super) fn new(dialer: Dialer, connections: usize) -> Self {
        let pool = managed::Pool::builder(Manager(dialer)).max_size(connections).runtime(Runtime::Tokio1).build();
        Self(pool.expect("a pool with a runtime can be made"))
    }

    /// A connection that is alive, as far as is known, and whether it was used before.
    pub(super) async fn get(&self, until: Instant) -> Result<(Pooled, bool), DatabaseFault> {
        let began = Instant::now();
        let left = until.saturating_duration_since(began);
        let timeouts = Timeouts { wait: Some(WAIT.min(left)), create: Some(left), recycle: Some(left) };
        let connection = self.0.timeout_get(&timeouts).await.map_err(|error| match error {
            PoolError::Backend(fault) => fault,
            PoolError::Timeout(TimeoutType::Wait) => {
                DatabaseFault::Busy { connections: self.0.status().max_size, waited: began.elapsed() }
            }
            _ => DatabaseFault::Unreachable(Unreachable::Timeout {
                stage: Stage::Connect,
                after_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            }),
        })?;
        let is_used = Object::metrics(&connection).recycle_count > 0;
        Ok((connection, is_used))
    }

    /// Closes the connections that nobody uses: one of them was found dead, and the others may be.
    pub(super) fn forget_idle(&self) {
        self.0.retain(|_, _| false);
    }
}
