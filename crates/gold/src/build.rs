//! Building planned instances: fetch inputs once, compute, audit, publish.
//!
//! Every instance of a date is tried, and nothing of the date is published unless all that were
//! tried have passed. What reads an instance that failed is not computed.

mod states;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDateTime;
use lakehouse_bind::EngineFailure;
use lakehouse_contract::{Input, Name, RunDate};
use lakehouse_engine::Session;
use lakehouse_stage::{Bar, Context, DataObject, Exit, StageError, worth_keeping};
use lakehouse_store::ObjectAddress;

use crate::ending::{Ending, Endings};
use crate::inputs::Inputs;
use crate::instance::{Instance, Pins};
use crate::marts::{Marts, session_options};
use crate::plan::{self, Planned};
use crate::publish::{self, Computed};
use crate::published::{Published, data_address};
use crate::state::States;

/// Builds instances, plan after plan, in one session of the engine.
pub struct Builder<'a> {
    context: &'a Context,
    logical_time: Option<NaiveDateTime>,
    session: Session,
    inputs: Inputs<'a>,
    states: States<'a>,
    /// The dates for which states are kept.
    kept_dates: BTreeSet<RunDate>,
    /// What is published.
    pub published: Published<'a>,
    /// The instances that this run computed and has published, or is about to.
    built: BTreeMap<Name, BTreeSet<RunDate>>,
    /// Those that failed, or were not computed because of one that did.
    failed: BTreeMap<Name, BTreeSet<RunDate>>,
    endings: Endings,
}

/// Either what came of an instance, or its files, which are still to be published.
enum Tried<'a> {
    Ended(Ending),
    Computed(Computed<'a>),
}

impl<'a> Builder<'a> {
    /// A builder with nothing built yet.
    ///
    /// # Errors
    /// Engine failures.
    pub fn new(
        context: &'a Context,
        marts: &'a Marts,
        published: Published<'a>,
        logical_time: Option<NaiveDateTime>,
    ) -> Result<Self, StageError> {
        let session = Session::open(&session_options(context)).stage("open the engine")?;
        session.lock().stage("lock the engine")?;
        Ok(Self {
            context,
            logical_time,
            session,
            inputs: Inputs::new(context, marts),
            states: States::new(context),
            kept_dates: BTreeSet::new(),
            published,
            built: BTreeMap::new(),
            failed: BTreeMap::new(),
            endings: Endings::default(),
        })
    }

    /// Builds the instances of a plan, date by date; what came of each is kept until
    /// [`end`](Self::end).
    pub async fn build(&mut self, plan: &[Planned<'a>]) {
        let progress = self.context.progress.count("marts", plan.len() as u64);
        // Of a range, only what a cleanup would leave is worth the upload.
        let dates = plan.iter().map(|planned| planned.instance.date);
        self.kept_dates = worth_keeping(&dates.collect());
        for same_day in plan.chunk_by(|a, b| a.instance.date == b.instance.date) {
            self.build_day(same_day, &progress).await;
            self.inputs.release_files();
        }
    }

    /// The instances that failed, or were not published because another one did, by mart.
    #[must_use]
    pub fn failed(&self) -> &BTreeMap<Name, BTreeSet<RunDate>> {
        &self.failed
    }

    /// Something else of the run failed.
    pub fn fail(&mut self, what: &str, error: StageError) {
        self.endings.fail(what, error);
    }

    /// Says in the report how each mart ended, and returns how the run did.
    ///
    /// # Errors
    /// When any instance failed: the worst.
    pub fn end(self) -> Result<Exit, StageError> {
        self.endings.end(&self.context.report)
    }

    async fn build_day(&mut self, same_day: &[Planned<'a>], progress: &Bar) {
        self.prefetch(same_day).await;
        let mut computed = Vec::new();
        let mut failures = 0;
        for planned in same_day {
            let instance = planned.instance;
            match self.attempt(planned).await {
                Ok(Tried::Computed(files)) => computed.push(files),
                Ok(Tried::Ended(ending)) => {
                    if matches!(ending, Ending::Blocked(_)) {
                        self.note_failed(&instance);
                    }
                    self.endings.note(&instance, ending);
                    progress.increase(1);
                }
                Err(error) => {
                    failures += 1;
                    tracing::error!(mart = %instance.mart.name, date = %instance.date, error = error.message, "failed");
                    self.note_failed(&instance);
                    self.endings.note(&instance, Ending::Failed(error));
                    progress.increase(1);
                }
            }
        }
        let _phase = self.context.report.phase("publish");
        for files in &computed {
            let instance = files.instance;
            let ending = if failures > 0 {
                self.note_failed(&instance);
                Ending::HeldBack
            } else if let Some(ending) = self.blocked(&instance) {
                self.note_failed(&instance);
                ending
            } else {
                self.publish(files).await
            };
            self.endings.note(&instance, ending);
            progress.increase(1);
        }
    }

    /// Fetches at once what the instances of a day read, and what no other one of them makes.
    async fn prefetch(&mut self, same_day: &[Planned<'a>]) {
        let made_here: BTreeSet<Input> = same_day
            .iter()
            .map(|planned| Input::Gold(planned.instance.mart.name.clone()))
            .collect();
        let mut wanted = Vec::new();
        for planned in same_day {
            // What cannot be listed fails the instance when it is tried.
            if let Ok(partitions) = self.partitions(&planned.instance).await {
                wanted.extend(partitions.into_iter().filter(|(input, date)| {
                    let is_made_here = *date == planned.instance.date && made_here.contains(input);
                    !is_made_here && !planned.instance.merges(input)
                }));
            }
        }
        self.inputs.fetch(wanted).await;
    }

    async fn attempt(&mut self, planned: &Planned<'a>) -> Result<Tried<'a>, StageError> {
        let instance = planned.instance;
        if let Some(ending) = self.blocked(&instance) {
            return Ok(Tried::Ended(ending));
        }
        let reads =
            |error: StageError| error.context(format!("could not read what {instance} is made of"));
        let partitions = self.partitions(&instance).await.map_err(reads)?;
        let (merged, fetched): (Vec<_>, Vec<_>) = partitions
            .into_iter()
            .partition(|(input, _)| instance.merges(input));
        self.inputs.fetch(fetched.iter().cloned()).await;
        let mut pins = self.inputs.pins(&instance, &fetched).map_err(reads)?;
        let looked = self.published.look(merged.iter().cloned()).await;
        looked.map_err(reads)?;
        for (input, date) in merged {
            if let Some(partition) = self.published.partition(&input, date) {
                let pinned = (date, partition.sha256.clone());
                pins.entry(input).or_default().push(pinned);
            }
        }
        if !instance.has_own_day(&pins) {
            tracing::info!(mart = %instance.mart.name, date = %instance.date, "no input is published for this date, nothing to do");
            return Ok(Tried::Ended(Ending::Nothing));
        }
        if planned.made_by.as_ref() == Some(&instance.fingerprint(&pins)) {
            tracing::debug!(mart = %instance.mart.name, date = %instance.date, "inputs came out the same, nothing to do");
            return Ok(Tried::Ended(Ending::Nothing));
        }
        let states = self
            .bring_states(&instance, &mut pins)
            .await
            .map_err(reads)?;
        self.report_inputs(&instance, &pins);
        let absent = instance.absent_inputs(&pins);
        if !absent.is_empty() {
            tracing::warn!(
                mart = %instance.mart.name,
                date = %instance.date,
                absent_inputs = absent.join(", "),
                "inputs have nothing for this date"
            );
        }
        let _phase = self.context.report.phase("compute");
        let mut files = tokio::task::block_in_place(|| {
            self.inputs.open(&self.session, &instance, &pins)?;
            self.open_states(&instance, &pins)?;
            publish::compute(self.context, &self.session, instance, &pins)
        })?;
        files.states = states;
        let own = Input::Gold(instance.mart.name.clone());
        self.inputs
            .add(own, instance.date, files.sha256.clone(), &files.data);
        self.built
            .entry(instance.mart.name.clone())
            .or_default()
            .insert(instance.date);
        Ok(Tried::Computed(files))
    }

    /// Names in the run report what an instance is made of: an object, or the place of several.
    fn report_inputs(&self, instance: &Instance<'_>, pins: &Pins) {
        let section = self.context.report.mart(&instance.mart.name);
        let (layout, pipeline) = (&self.context.layout, &self.context.pipeline.name);
        for (input, partitions) in pins {
            let window = instance.mart.definition.reads.get(input);
            let window = window.map(ToString::to_string).unwrap_or_default();
            match partitions.as_slice() {
                [] => {}
                [(date, sha256)] => section.input(
                    DataObject::at(data_address(self.context, input, date))
                        .window(window)
                        .sha256(sha256.clone()),
                ),
                several => {
                    let place = match input {
                        Input::Silver(name) => layout.silver_dataset(pipeline, name),
                        Input::Gold(name) => layout.gold_mart(pipeline, name),
                    };
                    section.input(
                        DataObject::at(place)
                            .window(window)
                            .objects(several.len() as u64),
                    );
                }
            }
        }
    }

    async fn partitions(
        &mut self,
        instance: &Instance<'_>,
    ) -> Result<Vec<(Input, RunDate)>, StageError> {
        let by_input =
            plan::partitions_by_input(instance, &mut self.published, &self.built).await?;
        Ok(by_input
            .into_iter()
            .flat_map(|(input, dates)| dates.into_iter().map(move |date| (input.clone(), date)))
            .collect())
    }

    async fn publish(&mut self, files: &Computed<'_>) -> Ending {
        let instance = files.instance;
        let put = publish::publish(self.context, files, self.logical_time, &mut self.published);
        match put.await {
            Ok(address) => {
                tracing::info!(mart = %instance.mart.name, date = %instance.date, rows = files.rows, object = %address, "published");
                self.published_ending(files, &address)
            }
            Err(error) => {
                self.note_failed(&instance);
                Ending::Failed(error.context(format!("could not publish {instance}")))
            }
        }
    }

    fn published_ending(&self, files: &Computed<'_>, address: &ObjectAddress) -> Ending {
        Ending::Published {
            address: address.to_string(),
            rows: files.rows,
            sha256: files.sha256.clone(),
            absent_inputs: files.absent_inputs.clone(),
            states: files.states.clone(),
        }
    }

    /// Whether an instance reads one that failed in this run.
    fn blocked(&self, instance: &Instance<'_>) -> Option<Ending> {
        instance
            .mart
            .definition
            .reads
            .iter()
            .find_map(|(input, window)| {
                let Input::Gold(name) = input else {
                    return None;
                };
                let days = instance.days(*window);
                let date = self
                    .failed
                    .get(name)?
                    .iter()
                    .find(|date| days.contains(date))?;
                Some(Ending::Blocked(format!("`{input}` of {date}")))
            })
    }

    fn note_failed(&mut self, instance: &Instance<'_>) {
        if let Some(dates) = self.built.get_mut(&instance.mart.name) {
            dates.remove(&instance.date);
        }
        self.failed
            .entry(instance.mart.name.clone())
            .or_default()
            .insert(instance.date);
    }
}
