//! What is left to do for a tenant once its channels were read.

use hashbrown::HashSet;

use super::channel::Failure;
use super::closings::Closings;
use super::context::{Context, TenantTask};
use super::meter::Meter;
use super::watch::look_again;
use crate::archive::{Reader, TenantRow};
use crate::model::ChannelId;
use crate::platform::PlatformAdapter;

/// Settles what was found missing. `roots` are the channels that were read,
/// threads by their parents.
pub async fn close_tenant<P: PlatformAdapter>(
    context: &Context<P>,
    tenant: &TenantTask,
    row: TenantRow,
    roots: &HashSet<ChannelId>,
    closings: &Closings,
    meter: &Meter,
) -> Result<(), Failure> {
    if Reader::open_beside_writer(&context.archive)?.has_missing(row)? {
        look_again(context, tenant, row, roots, closings, meter).await?;
    }
    Ok(())
}
