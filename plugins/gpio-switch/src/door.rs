//! Where a door is, from its end switches and the last button. Nothing here touches a line.

/// What is known of the door.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Door {
    at_open: bool,
    at_closed: bool,
    moving: Option<Button>,
    pub(crate) obstructed: bool,
}

/// A button of the controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Button {
    Open,
    Close,
    Stop,
}

/// The values of the property `state`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    Closed,
    Opening,
    Closing,
    Stopped,
    Unknown,
}

impl Door {
    /// A button was pressed: until an end switch says more, the door does what it was told.
    pub(crate) fn pressed(&mut self, button: Button) {
        self.moving = Some(button);
    }

    /// The switch at the open end changed.
    pub(crate) fn at_open(&mut self, active: bool) {
        // Reaching an end ends the movement; leaving it without a button is somebody's hand, and then nothing is known.
        if active && self.moving == Some(Button::Open) {
            self.moving = None;
        }
        self.at_open = active;
    }

    /// The switch at the closed end changed.
    pub(crate) fn at_closed(&mut self, active: bool) {
        if active && self.moving == Some(Button::Close) {
            self.moving = None;
        }
        self.at_closed = active;
    }

    /// What the switches and the last button say together. A switch that is closed counts more than a button: a door
    /// that is open and told to open is open.
    pub(crate) fn state(&self) -> State {
        match (self.at_open, self.at_closed, self.moving) {
            (true, true, _) => State::Unknown,
            (true, false, Some(Button::Close)) | (false, false, Some(Button::Close)) => State::Closing,
            (false, true, Some(Button::Open)) | (false, false, Some(Button::Open)) => State::Opening,
            (true, false, _) => State::Open,
            (false, true, _) => State::Closed,
            (false, false, Some(Button::Stop)) => State::Stopped,
            (false, false, None) => State::Unknown,
        }
    }
}

impl State {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Opening => "opening",
            Self::Closing => "closing",
            Self::Stopped => "stopped",
            Self::Unknown => "unknown",
        }
    }
}
