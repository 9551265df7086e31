//! Where one stands in a message, seen as the JSON that it would be: for the plan, the report and the census at once.

use crate::json::Matcher;
use crate::mask::json::place::Place;
use crate::mask::marker::Marker;
use crate::mask::within::Standing;

pub(super) struct Stand {
    pub(super) place: Place,
    fields: Matcher,
    standing: Option<Standing>,
}

impl Stand {
    /// Before a message.
    pub(super) fn root(marker: &mut Marker) -> Self {
        if let Some(counter) = &mut marker.counter {
            counter.root();
        }
        let standing = Standing::document(marker);
        let stand = Self { place: Place::default(), fields: Matcher::new(&marker.plan.paths), standing };
        stand.settle(marker);
        stand
    }

    /// What is looked for here.
    fn settle(&self, marker: &mut Marker) {
        marker.stand(self.standing.as_ref().map_or(marker.around, Standing::here));
    }

    /// Before the member of this name; `shown`: as it goes out.
    pub(super) fn key(&mut self, marker: &mut Marker, name: &[u8], shown: &[u8]) {
        self.place.name(name);
        if name != shown {
            self.place.show(shown);
        }
        self.fields.key(&marker.plan.paths, name);
        if let (Some(standing), Some(within)) = (&mut self.standing, &marker.plan.within) {
            standing.key(within, name);
        }
        self.settle(marker);
        if let Some(counter) = &mut marker.counter {
            counter.key(name, shown);
        }
    }

    /// Before the next element.
    pub(super) fn element(&mut self, marker: &mut Marker) {
        let index = self.place.element(1).unwrap_or(0);
        self.fields.element(&marker.plan.paths, index);
        if let (Some(standing), Some(within)) = (&mut self.standing, &marker.plan.within) {
            standing.element(within, index);
        }
        self.settle(marker);
        if let Some(counter) = &mut marker.counter {
            counter.element(index);
        }
    }

    /// A container begins.
    pub(super) fn open(&mut self, marker: &mut Marker, object: bool) {
        self.place.open(object);
        self.fields.open();
        if let Some(standing) = &mut self.standing {
            standing.open();
        }
        if let Some(counter) = &mut marker.counter {
            counter.open(object);
        }
    }

    /// The innermost container ends.
    pub(super) fn close(&mut self, marker: &mut Marker) {
        self.place.close();
        self.fields.close();
        if let Some(standing) = &mut self.standing {
            standing.close();
        }
        if let Some(counter) = &mut marker.counter {
            counter.close();
        }
    }

    /// The rule about the field here.
    pub(super) fn rule(&self, marker: &Marker) -> Option<usize> {
        self.fields.first(&marker.plan.paths)
    }
}
