#pragma once
// EventQueue: asynchronous invocations (InvocationType Event): kept durably before they are answered, run at least
// once.
//
// An event ends when its function ran without an error, after its third run, when its function is gone, or six hours
// after it was accepted; the function's EventRules may say other numbers, and name functions that get a record of what
// succeeded or failed. A run that ends in a function error is repeated after one and then two minutes; one that could
// not start (throttled, no capacity, function pending) after one second, doubling to five minutes. Events of one
// function take at most half of the places, so that a flood of one holds up no other. Pauses are kept by the steady
// clock: setting the wall clock neither delays nor hurries an event.
//
// Path: services/lambda/invoke_handlers.cc -> here -> invocation/invoker.h        Tests: event_queue_test.cc

#include <cstdint>
#include <map>
#include <memory>

#include "base/bytes.h"
#include "base/result.h"
#include "functions/registry.h"
#include "invocation/invoker.h"
#include "net/fair_turns.h"
#include "net/gate.h"
#include "net/loop.h"
#include "net/one_shot.h"
#include "observe/log.h"
#include "services/lambda/destination.h"
#include "services/lambda/store.h"

namespace hearth::services::lambda {

// What may wait; beyond it events are refused until others have ended. One that ends by itself frees its place.
struct EventLimits {
  std::size_t count = 1'000'000;           // about 100 MB of memory
  ByteCount bytes = ByteCount::mib(4096);  // of disk
};

// Thread: the loop's. Lifetime: everything it is built with outlives it.
class EventQueue {
 public:
  EventQueue(net::Loop& loop, net::FairTurns& turns, storage::Store& store, const functions::Registry& registry,
             invocation::Invoker& invoker, const observe::Logger& log, EventLimits limits = {});

  // Takes up the events of before the start. Errors: as EventStore::load().
  Status load();
  // Runs events as they become due, until close().
  void start();
  // No event is started any more; those running stay in the store unless they end well.
  void close();
  net::Task<> drained();
  // Forgets and erases every event.
  Status clear();

  // Keeps the event; the caller answers when the store's last ticket is durable.
  // Errors: invocation::ErrorKind (it could not be invoked, is too large, or kQueueFull), storage::ErrorKind.
  Status accept(invocation::InvokeRequest request);
  // Starts what is due and has a place. The dispatcher's step; unit tests call it instead of start().
  void start_due();
  std::size_t waiting() const { return waiting_; }
  // What waits and what runs takes in the store.
  ByteCount stored() const { return {stored_bytes_}; }

 private:
  // What is kept in memory of an event that waits for its turn.
  struct Waiting {
    std::uint64_t number = 0;
    std::uint32_t refusals = 0;  // starts that did not come about, one after the other
    std::uint32_t runs = 0;      // that ended in a function error, if the store could not be told
    std::uint32_t bytes = 0;     // in the store
  };
  struct FunctionEvents {
    std::multimap<SteadyTime, Waiting> due;
    std::size_t running = 0;
  };

  net::Task<> dispatch();
  net::Task<> run(functions::FunctionKey function, Waiting event);
  // After a run: what becomes of the event.
  void settle(StoredEvent event, Waiting place, const Result<invocation::InvokeOutcome>& outcome);
  void wait(const functions::FunctionKey& function, std::chrono::milliseconds pause, Waiting event);
  void drop(const functions::FunctionKey& function, const Waiting& event);
  functions::EventRules rules_of(const StoredEvent& event) const;
  // Sends a record to the destination that the rules name, before the event itself is dropped.
  void tell_destination(const StoredEvent& event, EventEnding ending, const invocation::InvokeOutcome* outcome);
  void wake();

  net::Loop& loop_;
  net::FairTurns& turns_;
  EventStore store_;
  const functions::Registry& registry_;
  invocation::Invoker& invoker_;
  const observe::Logger& log_;
  const EventLimits limits_;
  net::Gate gate_;
  std::map<functions::FunctionKey, FunctionEvents> functions_;
  std::shared_ptr<net::OneShot<bool>> wake_;  // ends the dispatcher's wait
  std::uint64_t next_number_ = 1;
  std::size_t waiting_ = 0;
  std::uint64_t stored_bytes_ = 0;
  std::size_t running_ = 0;
};

}  // namespace hearth::services::lambda
