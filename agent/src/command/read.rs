//! Reading, which leaves no trace but a count.

use serde_json::{Map, Value};
use streembit_peer::message::{Operation, Problem, ProblemCode};

use super::invoke::{Call, outside};
use super::resolve::Target;

impl Call<'_> {
    /// One property.
    pub(super) async fn read(&self, name: &str) -> Result<Value, Problem> {
        let model = self.target().model(self.device);
        let property = model.property(name).ok_or(Problem::new(ProblemCode::Refused))?;
        let value = match self.target() {
            Target::Thing(thing) => thing.read_property(name).await.map_err(|fault| Problem::from(&fault))?,
            Target::Device => self.device.read_property(self.caller, name).await?,
        };
        property.schema.check(&value).map_err(|error| outside(&error.to_string()))?;
        Ok(value)
    }

    /// Every property that this caller may read, one after the other. If one cannot be read, none are, and the answer names
    /// the one.
    ///
    /// The Thing Description leaves open what happens then: `readallproperties` retrieves all Properties in a single
    /// interaction, as an object with a member for each. That has no place for a reason, and a member that is not there
    /// means a property that its reader may not read. W3C's Web Thing Protocol answers a partial failure with an error too.
    /// A consumer who wants the others reads them one by one.
    pub(super) async fn read_all(&self) -> Result<Value, Problem> {
        let (rights, now) = (self.device.rights(), self.device.clock().now());
        let model = self.target().model(self.device);
        let may = rights.allowed(self.caller.contact(), &self.request.thing, now);
        let may = may.map_err(|denied| self.denied(denied.why()))?;
        let mut all = Map::new();
        for (name, property) in model.properties() {
            if !property.write_only && may.may(Operation::ReadProperty, Some(name)) {
                let value = self.read(name).await.map_err(|problem| at(problem, name))?;
                all.insert(name.to_owned(), value);
            }
        }
        if all.is_empty() {
            // Nothing that this caller may see: the Thing does not exist for it.
            return Err(self.denied("no grant for any of its properties"));
        }
        Ok(all.into())
    }
}

fn at(problem: Problem, property: &str) -> Problem {
    Problem { pointer: Some(format!("/{property}")), ..problem }
}
