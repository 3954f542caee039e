// GPU groups: threads as coroutines that run, in the order of their warps, until each barrier.
//
// Between two barriers of the block the warps run one after the other, each until all its threads wait;
// between two barriers of the warp its threads do. So an epoch is a fork-join loop over warps around a series
// of fork-join loops over threads, and the race clock judges it exactly. A collective tensor intrinsic counts
// as a barrier of its warp.
#include <algorithm>

#include "ir/interpret/machine.h"

namespace tw::interpreter {

void Machine::spawn(const Thread& parent, uint32_t site, Pc body) {
  const GroupSite& group = code_.groups[site];
  auto thread = std::make_unique<Thread>();
  thread->registers = parent.registers;
  thread->pc = body;
  int64_t scale = 1;
  for (int i = 0; i < 3; ++i) {
    if (group.position[i] == kNone) continue;
    thread->position[i] = static_cast<int64_t>(parent.registers[group.position[i]]);
    thread->linear += thread->position[i] * scale;
    scale *= static_cast<int64_t>(parent.registers[group.extent[i]]);
  }
  group_.threads.push_back(std::move(thread));
}

void Machine::order_threads(Group& group) {
  std::stable_sort(group.threads.begin(), group.threads.end(),
                   [](const auto& a, const auto& b) { return a->linear < b->linear; });
  int64_t warp = -1;
  for (const auto& thread : group.threads) {
    thread->leads = thread->linear / 32 != warp;
    warp = thread->linear / 32;
  }
}

std::size_t Machine::warp_end(const Group& group, std::size_t begin) const {
  std::size_t end = begin;
  while (end < group.threads.size() && group.threads[end]->linear / 32 == group.threads[begin]->linear / 32)
    ++end;
  return end;
}

void Machine::run_group(Thread&) {
  order_threads(group_);
  group_.epoch_level = clock_.depth();
  clock_.enter(kNone);  // warps
  clock_.enter(kNone);  // threads
  auto running = [&] {
    return std::any_of(group_.threads.begin(), group_.threads.end(),
                       [](const auto& thread) { return thread->status != ThreadStatus::kEnded; });
  };
  while (running()) run_block_epoch(group_);
  clock_.leave();
  clock_.leave();
  for (const auto& thread : group_.threads) drop_copies(*thread);
  for (Storage* storage : group_.to_release) memory_.release(storage);
  for (const auto& [key, shared] : group_.shared) memory_.release(shared.storage);
  group_ = Group();
}

void Machine::run_block_epoch(Group& group) {
  clock_.begin_epoch(group.epoch_level);
  for (std::size_t begin = 0; begin < group.threads.size(); begin = warp_end(group, begin)) {
    clock_.begin_turn(group.epoch_level);
    run_warp_epochs(group, begin, warp_end(group, begin));
  }
  check_met(group, 0, group.threads.size(), "block");
  for (const auto& thread : group.threads)
    if (thread->status == ThreadStatus::kAtBlockBarrier) {
      thread->status = ThreadStatus::kReady;
      ++thread->pc;
    }
}

void Machine::run_warp_epochs(Group& group, std::size_t begin, std::size_t end) {
  auto meets_in_warp = [](ThreadStatus status) {
    return status == ThreadStatus::kAtWarpBarrier || status == ThreadStatus::kAtTensorCall;
  };
  while (true) {
    clock_.begin_epoch(group.epoch_level + 1);
    bool meets = false;
    for (std::size_t i = begin; i < end; ++i) {
      Thread& thread = *group.threads[i];
      if (thread.status != ThreadStatus::kReady) continue;
      clock_.begin_turn(group.epoch_level + 1);
      meets |= meets_in_warp(run(thread));
    }
    if (!meets) return;
    check_met(group, begin, end, "warp");
    for (std::size_t i = begin; i < end; ++i) {
      group.threads[i]->status = ThreadStatus::kReady;
      ++group.threads[i]->pc;
    }
  }
}

namespace {

std::string whereabouts(const Thread& thread) {
  switch (thread.status) {
    case ThreadStatus::kEnded: return "has ended";
    case ThreadStatus::kAtBlockBarrier: return "waits at a barrier of the block";
    case ThreadStatus::kAtWarpBarrier: return "waits at a barrier of the warp";
    case ThreadStatus::kAtTensorCall: return "waits at a tensor intrinsic of the warp";
    case ThreadStatus::kReady: return "runs";
  }
  return "";
}

std::string thread_name(const Thread& thread) {
  return fmt::format("thread ({}, {}, {})", thread.position[0], thread.position[1], thread.position[2]);
}

}  // namespace

void Machine::check_met(Group& group, std::size_t begin, std::size_t end, const char* who) {
  if (begin == end) return;
  const Thread* waiting = nullptr;
  for (std::size_t i = begin; i < end; ++i)
    if (group.threads[i]->status != ThreadStatus::kEnded) waiting = group.threads[i].get();
  if (!waiting) return;
  for (std::size_t i = begin; i < end; ++i) {
    const Thread& other = *group.threads[i];
    if (other.status == waiting->status && other.pc == waiting->pc) continue;
    fail(*waiting, ErrorKind::kValue,
         fmt::format("barrier divergence: {} {}, but {} of the same {} {}{}; all its threads must meet there",
                     thread_name(*waiting), whereabouts(*waiting), thread_name(other), who,
                     other.status == waiting->status ? "waits at another one" : whereabouts(other), ""));
  }
}

}  // namespace tw::interpreter
