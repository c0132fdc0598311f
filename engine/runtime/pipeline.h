#pragma once

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

#include "engine/runtime/lane.h"

/// The coordinator's picture of pipelines and their objects. All of it belongs to the engine's
/// mutex, but for what lanes read (PipelineSignals) and the lanes themselves (the workers'
/// mutexes).
namespace forebay::runtime {

struct Pipeline;

/// A table or view that runs.
struct RunningObject {
  Fragment fragment;
  FragmentInputs inputs;
  Pipeline* pipeline = nullptr;
  TableQueueRef table;  // nullptr: not a table
  /// Rows that its operators have dropped because they were late, ever.
  uint64_t late = 0;
  /// Steady; when its operators and inputs were made.
  int64_t since_ns = 0;

  /// Keys written by accepted, not yet committed statements.
  struct PendingKey {
    bool exists;
    uint64_t ticket;
  };
  std::unordered_map<std::string, PendingKey> pending_keys;
  std::deque<std::pair<uint64_t, std::string>> pending_order;  // (ticket, key), oldest first
  /// Tickets of accepted statements that are neither committed nor lost.
  std::set<uint64_t> open_tickets;
  /// What a restart lost: the statements with tickets from first to last.
  struct Loss {
    uint64_t first;
    uint64_t last;
    std::shared_ptr<const Status> why;  // the failure that made it necessary
  };
  /// Oldest first, the newest kMostLosses of them.
  std::deque<Loss> losses;
  static constexpr size_t kMostLosses = 1'000;
  /// The loss that took a ticket, or nullptr.
  const Loss* loss_of(uint64_t ticket) const;
};

/// What a commit takes from the catalog's side.
struct CatalogChange {
  std::vector<CatalogRecord> put;
  std::vector<ObjectId> remove;
  std::vector<state::DroppedTable> dropped;
  bool empty() const { return put.empty() && remove.empty() && dropped.empty(); }
};

struct Pipeline {
  PipelineId id;
  PipelineSignals signals;
  std::vector<std::unique_ptr<Lane>> lanes;  // by worker
  std::vector<RunningObject*> objects;       // in order of attachment

  uint64_t open_epoch = 1;
  uint64_t committed = 0;
  /// Lanes that have handed over the epoch whose end is named.
  std::vector<SealedLane> sealed;
  bool hold = false;
  bool gate_busy = false;
  bool filling = false;
  /// A session waits: end the epoch at once.
  bool wanted = false;
  /// When the open epoch's first change was seen; 0: not yet.
  int64_t epoch_start_ns = 0;
  int64_t named_at_ns = 0;
  /// Of all lanes, when the end was named.
  uint64_t named_dirty = 0;
  /// The end of the epoch before that was found too long, and its dirty entries; 0: none was.
  int64_t long_end_ns = 0;
  uint64_t long_end_dirty = 0;
  /// Ends are long whatever an epoch holds.
  bool ends_alike = false;
  /// Goes with the epoch whose end is named.
  CatalogChange catalog;

  /// Tickets number DML statements over the whole server; those up to it are in the open epoch, in
  /// the named one, committed.
  uint64_t last_ticket = 0;
  uint64_t named_ticket = 0;
  uint64_t committed_ticket = 0;
  /// The named epoch is with the committer.
  bool committing = false;

  Status failure;
  int64_t restart_at_ns = 0;
  int64_t restart_backoff_ms = 0;
  /// How often it was restarted; epochs that were open then are numbered again.
  uint64_t restarts = 0;

  Epoch store_epoch;
  int64_t last_epoch_ms = 0;
  int64_t last_commit_ns = 0;
  int64_t last_committed_at_ns = 0;

  /// The earliest epoch in which a lane failed; while `failure` is set.
  uint64_t failed_epoch = 0;
  /// The named epoch is given up: it must not be committed, whatever its lanes hand over.
  bool given_up = false;

  /// An epoch is named and not committed.
  bool in_flight() const { return committed + 1 < open_epoch; }
  bool is_failed() const { return !failure.is_ok(); }
  /// The named epoch is on its way to its commit: a failure of the next one does not stop it.
  bool is_ending() const {
    return in_flight() && !given_up && (!is_failed() || failed_epoch >= open_epoch);
  }
};

/// One sealed epoch on its way to the store.
struct CommitRequest {
  Pipeline* pipeline = nullptr;  // nullptr: a change of the catalog alone
  std::vector<state::SealedRun> runs;
  /// Rows of the epoch that failed, and when; the committer files them under the number of its
  /// commit.
  std::vector<operators::ErrorRow> errors;
  int64_t errors_at = 0;
  int64_t epoch_time = INT64_MIN;  // timestamptz
  std::vector<std::pair<SourceQueueRef, connectors::Positions>> positions;
  std::vector<state::DroppedTable> dropped;
  bool changes_catalog = false;
  /// Set when done, under the engine's mutex; the requester of a catalog-only commit waits for it.
  std::shared_ptr<std::optional<Status>> outcome;
};

}  // namespace forebay::runtime
