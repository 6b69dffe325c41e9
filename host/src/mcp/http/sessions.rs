//! Sessions of the older era: bounded in number and age, and of use to nobody but the user who opened them.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::Stream;
use rmcp::{
    model::{ClientJsonRpcMessage, ServerJsonRpcMessage},
    transport::{
        WorkerTransport,
        streamable_http_server::session::{
            ServerSseMessage, SessionId, SessionManager,
            local::{LocalSessionManager, LocalSessionManagerError, LocalSessionWorker},
        },
    },
};
use tokio::time::Instant;

use crate::{config::HttpConfig, user::User};

/// How often it is looked for sessions that are over, at least.
const SWEEP: Duration = Duration::from_secs(30);

tokio::task_local! {
    /// Whose request is being handled: rmcp opens sessions and looks up tools without saying for whom.
    static USER: Arc<User>;
}

/// rmcp's sessions, with what it leaves to others: whose they are, how many there may be and when they end.
#[derive(Debug)]
pub(super) struct Sessions {
    local: Arc<LocalSessionManager>,
    open: Mutex<HashMap<SessionId, Session>>,
    most: usize,
    most_per_user: usize,
    idle: Duration,
    age: Duration,
}

#[derive(Debug)]
struct Session {
    user: Arc<str>,
    opened: Instant,
    used: Instant,
    /// Requests and streams of the session at this moment.
    uses: usize,
}

/// A session that a request or a stream is using, and that is not idle meanwhile.
#[derive(Debug)]
pub(super) struct InUse {
    sessions: Arc<Sessions>,
    id: SessionId,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum SessionsError {
    #[error("all sessions are taken")]
    Full,
    #[error(transparent)]
    Local(#[from] LocalSessionManagerError),
}

impl Sessions {
    pub(super) fn new(config: &HttpConfig) -> Self {
        let mut local = LocalSessionManager::default();
        // What is idle is known here, where an open stream counts as use.
        local.session_config.keep_alive = None;
        Self {
            local: Arc::new(local),
            open: Mutex::default(),
            most: config.sessions,
            most_per_user: config.sessions_per_user,
            idle: config.session_idle,
            age: config.session_age,
        }
    }

    /// The session of this id, if there is one and it is this user's: to everybody else it is as unknown as any other.
    pub(super) fn enter(self: &Arc<Self>, id: &str, user: &User) -> Option<InUse> {
        let mut open = self.open();
        let id = Arc::clone(open.get_key_value(id)?.0);
        let session = open.get_mut(&id).filter(|session| *session.user == *user.name())?;
        session.uses += 1;
        Some(InUse { sessions: Arc::clone(self), id })
    }

    /// Whether the user could open a session now.
    pub(super) fn has_room(&self, user: &User) -> bool {
        let open = self.open();
        open.len() < self.most || open.values().any(|session| *session.user == *user.name())
    }

    /// Handles a request of this user, which may open a session.
    pub(super) fn of_user<F: Future>(user: Arc<User>, request: F) -> impl Future<Output = F::Output> {
        USER.scope(user, request)
    }

    /// Whose request is being handled, where that is known.
    pub(super) fn user() -> Option<Arc<User>> {
        USER.try_with(Arc::clone).ok()
    }

    /// Ends sessions when their time has come, for ever.
    pub(super) async fn sweep(&self) {
        let pause = (self.idle.min(self.age) / 4).clamp(Duration::from_millis(100), SWEEP);
        loop {
            tokio::time::sleep(pause).await;
            for id in self.over() {
                tracing::debug!("a session has ended: nobody used it, or it was too old");
                self.end(&id);
            }
        }
    }

    fn over(&self) -> Vec<SessionId> {
        let is_over = |session: &Session| {
            session.opened.elapsed() >= self.age || session.uses == 0 && session.used.elapsed() >= self.idle
        };
        self.open().iter().filter(|(_, session)| is_over(session)).map(|(id, _)| Arc::clone(id)).collect()
    }

    /// Ends a session, without waiting: one whose client reads nothing takes its time.
    fn end(&self, id: &SessionId) {
        self.open().remove(id);
        let (local, id) = (Arc::clone(&self.local), Arc::clone(id));
        tokio::spawn(async move { local.close_session(&id).await });
    }

    /// Registers a session; the error is one of the same user that has to end first, or `None` where that would not help.
    fn register(&self, id: &SessionId, user: &User) -> Result<(), Option<SessionId>> {
        let mut open = self.open();
        let own = || open.iter().filter(|(_, session)| *session.user == *user.name());
        if open.len() >= self.most || own().count() >= self.most_per_user {
            let least_recent = own().min_by_key(|(_, session)| (session.uses > 0, session.used));
            return Err(least_recent.map(|(id, _)| Arc::clone(id)));
        }
        let now = Instant::now();
        open.insert(Arc::clone(id), Session { user: user.name().into(), opened: now, used: now, uses: 0 });
        Ok(())
    }

    fn open(&self) -> MutexGuard<'_, HashMap<SessionId, Session>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for InUse {
    fn drop(&mut self) {
        if let Some(session) = self.sessions.open().get_mut(&self.id) {
            session.uses -= 1;
            session.used = Instant::now();
        }
    }
}

impl SessionManager for Sessions {
    type Error = SessionsError;
    type Transport = WorkerTransport<LocalSessionWorker>;

    async fn create_session(&self) -> Result<(SessionId, Self::Transport), SessionsError> {
        let user = USER.try_with(Arc::clone).map_err(|_| SessionsError::Full)?;
        let (id, transport) = self.local.create_session().await?;
        while let Err(before) = self.register(&id, &user) {
            let Some(before) = before else {
                self.local.close_session(&id).await?;
                return Err(SessionsError::Full);
            };
            self.end(&before);
        }
        Ok((id, transport))
    }

    async fn initialize_session(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<ServerJsonRpcMessage, SessionsError> {
        Ok(self.local.initialize_session(id, message).await?)
    }

    async fn has_session(&self, id: &SessionId) -> Result<bool, SessionsError> {
        Ok(self.local.has_session(id).await?)
    }

    async fn close_session(&self, id: &SessionId) -> Result<(), SessionsError> {
        self.open().remove(id);
        Ok(self.local.close_session(id).await?)
    }

    async fn create_stream(
        &self,
        id: &SessionId,
        message: ClientJsonRpcMessage,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionsError> {
        Ok(self.local.create_stream(id, message).await?)
    }

    async fn accept_message(&self, id: &SessionId, message: ClientJsonRpcMessage) -> Result<(), SessionsError> {
        Ok(self.local.accept_message(id, message).await?)
    }

    async fn create_standalone_stream(
        &self,
        id: &SessionId,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionsError> {
        Ok(self.local.create_standalone_stream(id).await?)
    }

    async fn resume(
        &self,
        id: &SessionId,
        last_event_id: String,
    ) -> Result<impl Stream<Item = ServerSseMessage> + Send + Sync + 'static, SessionsError> {
        Ok(self.local.resume(id, last_event_id).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env_file::EnvFile;

    fn user(name: &str) -> Arc<User> {
        Arc::new(User::new(name, EnvFile::default()))
    }

    async fn open(sessions: &Sessions, user: &Arc<User>) -> Result<SessionId, SessionsError> {
        // Without its transport, as after a client that is gone at once.
        let opened = Sessions::of_user(Arc::clone(user), sessions.create_session()).await;
        opened.map(|(id, _)| id)
    }

    fn bounded(sessions: usize, sessions_per_user: usize) -> Arc<Sessions> {
        Arc::new(Sessions::new(&HttpConfig { sessions, sessions_per_user, ..HttpConfig::default() }))
    }

    /// Sessions here and in rmcp, once those that end have ended.
    async fn counts(sessions: &Sessions) -> (usize, usize) {
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        let open = sessions.open().len();
        (open, sessions.local.sessions.read().await.len())
    }

    #[tokio::test]
    async fn a_session_is_known_to_its_user_alone() {
        let sessions = bounded(4, 4);
        let (alice, bob) = (user("alice"), user("bob"));
        let id = open(&sessions, &alice).await.expect("there is room");
        assert!(sessions.enter(&id, &alice).is_some());
        assert!(sessions.enter(&id, &bob).is_none());
        assert!(sessions.enter("0", &alice).is_none());
        sessions.close_session(&id).await.expect("it closes");
        assert!(sessions.enter(&id, &alice).is_none());
    }

    #[tokio::test]
    async fn who_opens_too_many_loses_the_one_not_used_for_longest_and_nobody_elses() {
        let sessions = bounded(4, 2);
        let (alice, bob, carol) = (user("alice"), user("bob"), user("carol"));
        let of_bob = open(&sessions, &bob).await.expect("there is room");
        let mut ids = Vec::new();
        for _ in 0..2 {
            ids.push(open(&sessions, &alice).await.expect("there is room"));
        }
        drop(sessions.enter(&ids[0], &alice));
        let stream = sessions.enter(&ids[0], &alice);
        for _ in 0..100 {
            ids.push(open(&sessions, &alice).await.expect("one of her own ends"));
        }
        assert_eq!(counts(&sessions).await, (3, 3));
        // What is in use stays as long as something else can go.
        assert!(stream.is_some() && sessions.enter(&ids[0], &alice).is_some());
        assert!(sessions.enter(&ids[1], &alice).is_none());
        assert!(sessions.enter(&of_bob, &bob).is_some());

        let _of_bob = open(&sessions, &bob).await.expect("there is room");
        assert!(!sessions.has_room(&carol) && sessions.has_room(&bob));
        assert!(matches!(open(&sessions, &carol).await, Err(SessionsError::Full)));
        assert_eq!(counts(&sessions).await, (4, 4));
    }

    #[tokio::test]
    async fn sessions_end_when_nobody_uses_them_and_at_their_age() {
        let config = HttpConfig {
            session_idle: Duration::from_millis(400),
            session_age: Duration::from_secs(4),
            ..HttpConfig::default()
        };
        let sessions = Arc::new(Sessions::new(&config));
        let alice = user("alice");
        let idle = open(&sessions, &alice).await.expect("there is room");
        let used = open(&sessions, &alice).await.expect("there is room");
        let _stream = sessions.enter(&used, &alice);
        let sweep_until = |left: usize| {
            let sessions = Arc::clone(&sessions);
            async move {
                tokio::select! {
                    () = sessions.sweep() => {}
                    () = async {
                        while sessions.open().len() > left {
                            tokio::time::sleep(Duration::from_millis(10)).await;
                        }
                    } => {}
                }
            }
        };
        let began = Instant::now();
        sweep_until(1).await;
        assert!(began.elapsed() >= config.session_idle);
        assert!(sessions.enter(&idle, &alice).is_none() && sessions.enter(&used, &alice).is_some());
        sweep_until(0).await;
        assert!(began.elapsed() >= config.session_age);
        assert_eq!(counts(&sessions).await, (0, 0));
    }
}
