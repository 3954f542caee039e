// The code of the register machine that runs a program.
//
// Registers hold 64 bits (lane_types.h); a value that is a vector has a register for each lane. Registers of
// buffers hold `Storage*`. Each instruction knows its site: the statement it comes from and the variables in
// scope there.
#pragma once

#include <string>
#include <vector>

#include "ir/interpret/operators.h"
#include "ir/program.h"

namespace tw::interpreter {

using Reg = uint32_t;
using Pc = uint32_t;

// X(Name): instructions without a type. `r` are the registers, a b c d e the fields of the instruction.
#define TW_PLAIN_INSTRUCTIONS(X)                                                                         \
  X(End)           /* the program is over */                                                             \
  X(Jump)          /* to c */                                                                            \
  X(JumpIf)        /* to c if r[a] */                                                                    \
  X(JumpIfNot)     /* to c if !r[a] */                                                                   \
  X(Move)          /* r[a] = r[b] */                                                                     \
  X(LoopEnter)     /* r[a] = 0; to c unless 0 < r[b]; a negative extent is an error */                   \
  X(LoopNext)      /* ++r[a]; to c if r[a] < r[b] */                                                     \
  X(ForkEnter)     /* turns of loop a that may run at once begin */                                      \
  X(ForkNext)      /* LoopNext, and the next turn */                                                     \
  X(ForkLeave)     /* the loop has run its turns */                                                      \
  X(Apply)         /* r[a] = operators[n](r[b], r[c]) */                                                 \
  X(IndexAdd)      /* r[a] = r[b] op r[c], overflow checked */                                           \
  X(IndexSub)      /* likewise */                                                                        \
  X(IndexMul)      /* likewise */                                                                        \
  X(IndexFloorDiv) /* likewise */                                                                        \
  X(IndexNeg)      /* likewise */                                                                        \
  X(IndexAbs)      /* likewise */                                                                        \
  X(IndexFloorMod) /* cannot overflow */                                                                 \
  X(IndexMin)      /* cannot overflow */                                                                 \
  X(IndexMax)      /* cannot overflow */                                                                 \
  X(IndexEq)       /* cannot overflow */                                                                 \
  X(IndexNe)       /* cannot overflow */                                                                 \
  X(IndexLt)       /* cannot overflow */                                                                 \
  X(IndexLe)       /* cannot overflow */                                                                 \
  X(F32Add)        /* r[a] = r[b] op r[c] */                                                             \
  X(F32Sub)        /* r[a] = r[b] op r[c] */                                                             \
  X(F32Mul)        /* r[a] = r[b] op r[c] */                                                             \
  X(F64Add)        /* r[a] = r[b] op r[c] */                                                             \
  X(F64Sub)        /* r[a] = r[b] op r[c] */                                                             \
  X(F64Mul)        /* r[a] = r[b] op r[c] */                                                             \
  X(I32Add)        /* r[a] = r[b] op r[c] */                                                             \
  X(I32Sub)        /* r[a] = r[b] op r[c] */                                                             \
  X(I32Mul)        /* r[a] = r[b] op r[c] */                                                             \
  X(And)           /* r[a] = r[b] op r[c] */                                                             \
  X(Or)            /* r[a] = r[b] op r[c] */                                                             \
  X(Not)           /* r[a] = !r[b] */                                                                    \
  X(GetLane)       /* r[a] = r[b + r[c]] */                                                              \
  X(SetLane)       /* r[a + r[b]] = r[c] */                                                              \
  X(Offset1)       /* r[a] = offset of element r[c] of buffer r[b], checked; n: whether it is written */ \
  X(Offset2)       /* of r[c], r[d] */                                                                   \
  X(Offset3)       /* of r[c], r[d], r[e] */                                                             \
  X(OffsetN)       /* of d subscripts, in registers operands[c], … */                                  \
  X(Race)          /* an access of kind n to element r[b] of buffer r[a]: against all others */          \
  X(Owner)         /* an access of kind n to element r[b] of local r[a] by thread r[c]; 0: by all */     \
  X(CheckAxis)     /* 0 <= r[a] < r[b], of the axis named messages[c] */                                 \
  X(CheckOperand)  /* r[a] == r[b], the extent of an operand of a tensor intrinsic named messages[c] */  \
  X(CheckInside)   /* 0 <= r[a] < r[b], a subscript in an operand: messages[c] */                        \
  X(CheckOwner)    /* r[a] == r[b]: owner of a fragment's element, and the lane here; buffer r[c] */     \
  X(Fail)          /* assertion with messages[a] */                                                      \
  X(Allocate)      /* r[a] = a fresh instance of allocations[b] */                                       \
  X(Free)          /* gives back r[a] */                                                                 \
  X(FreeLater)     /* gives back r[a] when the group that is being made ends */                          \
  X(Share)         /* Allocate, of which the threads of a group (n: of a warp) have one instance */      \
  X(Unshare)       /* r[a] leaves scope in this thread; allocations[b] */                                \
  X(LaneMapBegin)  /* a table of places for fragment r[a] of allocations[b]; to c if it was checked */   \
  X(LaneMapPlace)  /* its next element lies in slot r[c] of lane r[b]: nothing else does */              \
  X(InitPoint)     /* to c unless this is the first instance of a point of inits[a] */                   \
  X(Spawn)         /* a thread of groups[a] with a copy of the registers */                              \
  X(RunGroup)      /* runs the threads of groups[a] to their ends */                                     \
  X(ThreadEnd)     /* of a group's thread */                                                             \
  X(Barrier)       /* n: BarrierScope */                                                                 \
  X(Collect)       /* the warp meets for a tensor intrinsic */                                           \
  X(UnlessLeader)  /* to c in all threads of the warp but the first */                                   \
  X(AsyncCopy)     /* copies[a] */                                                                       \
  X(AsyncCommit)   /* makes a group of the copies since the last */                                      \
  X(AsyncWait)     /* until at most r[a] groups are pending */

enum class Op : uint16_t {
#define TW_OP(Name) k##Name,
  TW_PLAIN_INSTRUCTIONS(TW_OP)
#undef TW_OP
// r[a] = element r[c] of buffer r[b]; LoadDefined checks that it is defined. Store writes r[c] to element
// r[b] of r[a].
#define TW_OP(Name, tag) kLoad##Name, kLoadDefined##Name, kStore##Name,
      TW_LANE_TYPES(TW_OP)
#undef TW_OP
};

struct Instr {
  Op op;
  uint16_t n = 0;
  uint32_t a = 0, b = 0, c = 0, d = 0, e = 0;
};

inline constexpr uint32_t kNone = UINT32_MAX;

/// A thread as one number: 1 + x + y*2^20 + z*2^40; 0 stands for code outside of threads, which all run.
inline constexpr int kThreadBits = 20;

/// A variable in scope, and those around it.
struct ScopeEntry {
  std::string name;
  Reg reg;
  uint32_t outer;  // kNone: outermost
};

/// Where an instruction comes from.
struct Site {
  const Node* node = nullptr;
  uint32_t scope = kNone;
};

/// A place that allocates.
struct Allocation {
  const BufferNode* buffer;
  std::vector<Reg> extents, strides;
  bool tracked = false;
  bool owned = false;  // elements know the thread that wrote them
  std::size_t init_tables = 0;
};

/// The first-instance test of a block.
struct InitSite {
  Reg buffer = 0;
  std::size_t table = 0;            // of the storage
  std::vector<Reg> point, extents;  // spatial axes
  std::vector<Reg> others;          // extents of the other axes
};

/// Nested loops over thread indices with a barrier in them.
struct GroupSite {
  Pc body = 0;
  Reg position[3], extent[3];  // of threadIdx x, y, z; kNone where not bound
  std::string name;
};

/// An asynchronous copy.
struct CopySite {
  Reg to = 0, from = 0;
  std::vector<Reg> to_index, from_index;
  int64_t count = 0;
  bool to_raced = false, from_raced = false;  // whether other turns may access the buffers meanwhile
};

/// A concurrent loop, for messages.
struct LoopSite {
  std::string name, kind;
  Reg var;
};

struct Code {
  std::vector<Instr> instrs;
  std::vector<uint32_t> site_of;  // of each instruction
  std::vector<Site> sites;
  std::vector<ScopeEntry> scopes;
  std::vector<Operator> operators;
  std::vector<Reg> operands;
  std::vector<std::pair<Reg, Slot>> constants;
  uint32_t registers = 0;
  std::vector<std::string> messages;
  std::vector<Allocation> allocations;  // the first ones are the program's parameters
  std::vector<InitSite> inits;
  std::vector<GroupSite> groups;
  std::vector<CopySite> copies;
  std::vector<LoopSite> loops;
};

}  // namespace tw::interpreter
