//! One channel or thread: Resources/Channel, "Get Channel".

use super::Call;
use crate::answer::RouteResult;
use crate::wire::{self, Writer};

pub(super) fn channel(call: &Call<'_>) -> RouteResult {
    let scene = call.scene()?;
    let mut w = Writer::default();
    w.item(|w| wire::channel::fields(w, &scene));
    Ok(w)
}
