//! A device with one door and the people who come to it, over streams in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use streembit_agent::clock::{Clock, VirtualTime};
use streembit_agent::command::Pipeline;
use streembit_agent::device::{Device, DeviceParts, Identity};
use streembit_agent::journal::{Journal, Settings};
use streembit_agent::session::{Limits, Server, SessionEnded, Source};
use streembit_agent::things::Things;
use streembit_keys::jws::{self, Typ};
use streembit_keys::{PrivateKey, Thumbprint, rng};
use streembit_peer::client::{Connection, Subscription};
use streembit_peer::message::{
    Answer, Call, CallId, FromDevice, Notification, Operation, Problem, ProblemCode, Response,
};
use streembit_peer::rights::{Change, Grant, Grants, Role, sign_change};
use streembit_peer::session::{Established, PeerIds, Remote};
use streembit_peer::wire;
use tokio::io::DuplexStream;
use tokio::task::JoinHandle;

use super::stand_in::StandIn;

/// A Monday, 12:00 UTC.
pub const NOON: i64 = 1_700_481_600;

/// How long a test waits for what must come.
pub const SOON: Duration = Duration::from_secs(5);

pub struct House {
    pub device: Arc<Device>,
    pub server: Arc<Server>,
    pub door: Arc<StandIn>,
    pub time: VirtualTime,
    pub owner: PrivateKey,
    pub folder: PathBuf,
    /// Removed with the house.
    pub _temporary: Option<tempfile::TempDir>,
}

impl House {
    /// A house with an owner, at noon.
    pub async fn new() -> Self {
        let house = Self::build(VirtualTime::new(NOON, true), Limits::default());
        house.claim().await;
        house
    }

    /// A device as `init` leaves it.
    pub fn build(time: VirtualTime, limits: Limits) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let house = Self::in_folder(folder.path(), new_key(), new_key(), time, limits);
        Self { _temporary: Some(folder), ..house }
    }

    /// A device whose state is in a folder, perhaps since an earlier run.
    pub fn in_folder(
        folder: &Path,
        key: PrivateKey,
        owner: PrivateKey,
        time: VirtualTime,
        limits: Limits,
    ) -> Self {
        let clock = Arc::new(Clock::new(time.clone()));
        let state = folder.join("state.db");
        let journal = Journal::open(&state, &key, Arc::clone(&clock), Settings::default()).unwrap();
        let things = Arc::new(Things::default());
        let door = StandIn::new();
        things.put("door".into(), door.clone());
        let identity = Identity {
            manufacturer: Some("Maker".into()),
            model: Some("M1".into()),
            serial: Some("7".into()),
        };
        let title = Some("House".to_owned());
        let (version, journal) = ("1.2.3".into(), Arc::new(journal));
        let parts = DeviceParts { key, identity, title, version, journal, clock, things };
        let device = Arc::new(Device::new(parts).unwrap());
        let server = Arc::new(Server::new(Arc::new(Pipeline::new(Arc::clone(&device))), limits));
        Self { device, server, door, time, owner, folder: folder.to_owned(), _temporary: None }
    }

    /// Makes `owner` the owner.
    pub async fn claim(&self) {
        let claim = Change::Claim { key: self.owner.public().clone(), name: label("owner"), recovery: None };
        self.device.change_rights_here(claim).await.unwrap();
    }

    /// From now on, or no longer, the journal cannot be written.
    pub fn break_journal(&self, broken: bool) {
        let database = rusqlite::Connection::open(self.folder.join("state.db")).unwrap();
        database.busy_timeout(SOON).unwrap();
        database
            .execute_batch(if broken {
                "CREATE TRIGGER broken BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'disk full'); END"
            } else {
                "DROP TRIGGER broken"
            })
            .unwrap();
    }

    /// A change that an owner signs, as its text.
    pub fn signed(&self, by: &PrivateKey, change: Change) -> String {
        let rights = self.device.rights();
        sign_change(by, rights.device(), rights.seq() + 1, rights.head(), change).jws().to_owned()
    }

    /// Makes somebody a contact.
    pub async fn admit(&self, role: Role, grants: Vec<Grant>) -> PrivateKey {
        let key = new_key();
        let grants = Grants::try_from(grants).unwrap();
        let change = Change::Admit { key: key.public().clone(), name: label("somebody"), role, grants };
        self.device.change_rights_here(change).await.unwrap();
        key
    }

    /// Makes somebody a contact whom only an owner may admit.
    pub async fn admit_owner(&self) -> PrivateKey {
        let (key, grants) = (new_key(), Grants::default());
        let change =
            Change::Admit { key: key.public().clone(), name: label("another"), role: Role::Owner, grants };
        self.device.change_rights(None, &self.signed(&self.owner, change)).await.unwrap();
        key
    }

    pub async fn revoke(&self, key: &PrivateKey) {
        let contact = key.public().thumbprint();
        self.device.change_rights_here(Change::Revoke { contact }).await.unwrap();
    }

    /// A stream to the device, which serves it until it ends.
    pub fn dial(&self, source: &str) -> (DuplexStream, JoinHandle<Result<(), SessionEnded>>) {
        // Small, so that a reader who stops is noticed soon.
        let (ours, theirs) = tokio::io::duplex(4096);
        let (server, source) =
            (Arc::clone(&self.server), Source { name: source.into(), peer_ids: peer_ids() });
        (ours, tokio::spawn(async move { server.serve(theirs, source).await }))
    }

    /// A session of a contact, with a person's program at its other end.
    pub async fn enter(&self, key: &PrivateKey) -> Connection {
        self.try_enter(key, self.known()).await.expect("a contact is let in")
    }

    pub async fn try_enter(&self, key: &PrivateKey, remote: Remote) -> Option<Connection> {
        self.enter_from(&who(key).to_string(), key, remote).await
    }

    /// A session from another machine than everybody has for himself.
    pub async fn enter_from(&self, source: &str, key: &PrivateKey, remote: Remote) -> Option<Connection> {
        let (stream, established) = self.handshake(source, key, remote).await?;
        Some(Connection::new(stream, established, key.clone()))
    }

    async fn handshake(
        &self,
        source: &str,
        key: &PrivateKey,
        remote: Remote,
    ) -> Option<(DuplexStream, Established)> {
        let (mut stream, _) = self.dial(source);
        let now = self.caller_time();
        let established = wire::initiate(&mut stream, key, remote, peer_ids(), move || now).await.ok()?;
        Some((stream, established))
    }

    /// A session whose messages a test makes itself.
    pub async fn enter_by_hand(&self, key: &PrivateKey) -> ByHand {
        let source = who(key).to_string();
        let (stream, established) =
            self.handshake(&source, key, self.known()).await.expect("a contact is let in");
        ByHand { stream, established, key: key.clone(), now: self.caller_time() }
    }

    pub fn known(&self) -> Remote {
        Remote::Known(self.device.key().public().clone())
    }

    /// What the callers' own clocks show: always noon and what passed since, whatever the device's shows.
    fn caller_time(&self) -> i64 {
        NOON
    }
}

/// A caller who writes frames with his own hands.
pub struct ByHand {
    pub stream: DuplexStream,
    pub established: Established,
    pub key: PrivateKey,
    pub now: i64,
}

impl ByHand {
    /// A request's members, to be changed and signed by [`Self::sign`].
    pub fn request(&self, op: Operation, thing: &str, affordance: &str) -> Value {
        let peers = &self.established.peers;
        let jti: [u8; 16] = rng::bytes(&mut rng::system());
        let mut request = json!({
            "iss": peers.local,
            "aud": peers.remote.thumbprint(),
            "sid": peers.sid,
            "iat": self.now,
            "exp": self.now + 60,
            "jti": CallId::from_bytes(jti),
            "op": op,
            "thing": thing,
        });
        if op.names_an_affordance() {
            request["affordance"] = json!(affordance);
        }
        request
    }

    pub fn sign(&self, request: &Value) -> String {
        sign_as(&self.key, request)
    }

    pub async fn send(&mut self, plaintext: &str) {
        let sealed = self.established.sealer.seal(plaintext.as_bytes()).unwrap();
        self.send_frame(sealed.as_bytes()).await;
    }

    pub async fn send_frame(&mut self, frame: &[u8]) {
        // The device may have hung up already, which the next read shows.
        let _ = wire::write_frame(&mut self.stream, frame).await;
    }

    /// The next message's payload, or `None` when the device has ended the session.
    pub async fn receive(&mut self) -> Option<String> {
        let frame = wire::read_frame(&mut self.stream, wire::MAX_FRAME);
        let frame = tokio::time::timeout(SOON, frame).await.expect("an answer or an end").ok()?;
        let plaintext = self.established.opener.open(&frame).unwrap();
        FromDevice::authenticate(&plaintext, &self.established.peers).unwrap();
        let jws = String::from_utf8(plaintext).unwrap();
        Some(String::from_utf8(URL_SAFE_NO_PAD.decode(jws.split('.').nth(1).unwrap()).unwrap()).unwrap())
    }

    /// Sends a request and gives the payload of its answer.
    pub async fn exchange(&mut self, request: &Value) -> Option<String> {
        let plaintext = self.sign(request);
        self.send(&plaintext).await;
        self.receive().await
    }
}

/// A request signed by anybody, without input.
pub fn sign_as(key: &PrivateKey, request: &Value) -> String {
    jws::sign(key, Typ::new("sb-req"), &serde_json::to_vec(request).unwrap())
}

/// What an answer says, as its very bytes.
pub fn result_of(payload: &str) -> &str {
    let start = payload.find(r#""result":"#).expect("an answer");
    &payload[start..]
}

pub fn new_key() -> PrivateKey {
    PrivateKey::generate(&mut rng::system())
}

pub fn label(text: &str) -> streembit_peer::rights::Label {
    text.parse().unwrap()
}

pub fn peer_ids() -> PeerIds {
    PeerIds { initiator: "person".into(), responder: "device".into() }
}

pub fn call(op: Operation, thing: &str, affordance: &str, input: Option<Value>) -> Call {
    let affordance = op.names_an_affordance().then(|| affordance.parse().unwrap());
    Call::new(op, thing.parse().unwrap(), affordance, input.as_ref(), &mut rng::system()).unwrap()
}

pub fn grant(thing: &str, affordance: &str, operations: &[Operation]) -> Grant {
    Grant {
        thing: thing.parse().unwrap(),
        affordances: vec![affordance.parse().unwrap()],
        operations: operations.to_vec(),
        not_before: None,
        not_after: None,
        weekly: Vec::new(),
    }
}

/// What a person does with a session.
#[allow(async_fn_in_trait)]
pub trait Ask {
    async fn respond(&self, call: &Call) -> Response;
    async fn ask(&self, op: Operation, thing: &str, affordance: &str, input: Option<Value>) -> Answer;
    async fn listen(&self, op: Operation, thing: &str, affordance: &str) -> Subscription;
}

impl Ask for Connection {
    async fn respond(&self, call: &Call) -> Response {
        self.call(call, Duration::from_secs(60)).await.expect("an answer")
    }

    async fn ask(&self, op: Operation, thing: &str, affordance: &str, input: Option<Value>) -> Answer {
        self.respond(&call(op, thing, affordance, input)).await.result
    }

    async fn listen(&self, op: Operation, thing: &str, affordance: &str) -> Subscription {
        let call = call(op, thing, affordance, None);
        let (response, subscription) =
            self.subscribe(&call, Duration::from_secs(60), 64).await.expect("an answer");
        assert_eq!(response.result, Answer::Ok(Value::Null));
        subscription.expect("a subscription")
    }
}

pub fn code(answer: &Answer) -> Option<ProblemCode> {
    match answer {
        Answer::Problem(problem) => Some(problem.code),
        _ => None,
    }
}

pub fn problem(answer: Answer) -> Problem {
    match answer {
        Answer::Problem(problem) => problem,
        other => panic!("a problem was due: {other:?}"),
    }
}

pub fn who(key: &PrivateKey) -> Thumbprint {
    key.public().thumbprint()
}

/// The next news of a subscription.
pub async fn next(subscription: &mut Subscription) -> Option<Notification> {
    tokio::time::timeout(SOON, subscription.next()).await.expect("news or an end")
}

/// Waits until something holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let held = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(SOON, held).await.unwrap_or_else(|_| panic!("never: {what}"));
}
