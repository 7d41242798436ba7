"""The processes that train one model together, and what they tell each other.

torchrun starts them and says to each, in its environment, who it is. Pixels and parameters go through the devices'
own library (NCCL, or gloo on CPUs); what steers the run, flags and lines of history, through gloo on the host, so that
no process waits for a GPU to hear them.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._C._distributed_c10d import GradBucket, PrefixStore
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from kinfast import launch
from kinfast.data.shard import Shard
from kinfast.errors import KinfastError, RunError, UsageError
from kinfast.train.processes.device import choose_device
from kinfast.train.processes.spokesman import EXIT_INPUT, Spokesman

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ranks:
    """One of the processes, and how it speaks with the others. The default is a process that is alone.

    Attributes:
        rank, size: of all.
        local: number of the process on its machine.
        on_machine: processes of this machine.
        control: gloo's group, of what is said between hosts; None alone.
    """

    rank: int = 0
    size: int = 1
    local: int = 0
    on_machine: int = 1
    control: Any = None

    @property
    def first(self) -> bool:
        """Whether this process writes the files and speaks to the person."""
        return self.rank == 0

    @property
    def shard(self) -> Shard:
        """The part of the sites that is this process's."""
        return Shard(self.rank, self.size, self.on_machine)

    def most(self, value: int) -> int:
        """Give the largest of all processes' values."""
        if self.size == 1:
            return value
        told = torch.tensor(value)
        dist.all_reduce(told, dist.ReduceOp.MAX, group=self.control)
        return int(told)

    def share(self, value: T) -> T:
        """Give the first process's value, of JSON's kinds; the others' do not matter."""
        if self.size == 1:
            return value
        text = bytearray(json.dumps(value).encode() if self.first else b"")
        size = self.most(len(text))
        told = torch.zeros(size, dtype=torch.uint8)
        if self.first:
            told.copy_(torch.frombuffer(text, dtype=torch.uint8))
        dist.broadcast(told, 0, group=self.control)
        shared: T = json.loads(told.numpy().tobytes())
        return shared

    def each(self, value: str) -> list[str]:
        """Give the texts of all processes, in their order."""
        if self.size == 1:
            return [value]
        text = value.encode()
        told = torch.zeros(self.size, self.most(len(text)) + 1, dtype=torch.uint8)
        told[self.rank, : len(text)] = torch.tensor(list(text), dtype=torch.uint8)
        dist.all_reduce(told, group=self.control)
        return [row.numpy().tobytes().rstrip(b"\0").decode() for row in told]

    def whole(self, own: Tensor, first: int, of: int) -> Tensor:
        """Put all processes' rows together.

        Args:
            own: (n, …) on any device.
            first: the place of its first row.
            of: rows of all processes.

        Returns:
            (of, …), the same bits in every process: to each row one process adds its values, and the others nothing.
        """
        if self.size == 1:
            return own
        told = own.new_zeros((of, *own.shape[1:]))
        told[first : first + len(own)] = own
        dist.all_reduce(told, group=self.control if told.device.type == "cpu" else None)
        return told

    def added(self, own: Tensor) -> Tensor:
        """Add up all processes' values, in one order everywhere."""
        return own if self.size == 1 else self.whole(own[None], self.rank, self.size).sum(dim=0)

    def adding_up(self, joined: nn.Module, *, now: bool) -> AbstractContextManager[object]:
        """Open the region of a backward pass of `joined`, whose gradients are added up now, or with a later one's."""
        return joined.no_sync() if isinstance(joined, DistributedDataParallel) and not now else nullcontext()

    def states(self, own: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
        """Give all processes' named states, in their order, each name's of one shape and on the host."""
        if self.size == 1:
            return [dict(own)]
        rows = {name: self.whole(value[None], self.rank, self.size) for name, value in own.items()}
        return [{name: values[rank].clone() for name, values in rows.items()} for rank in range(self.size)]

    def share_buffers(self, model: nn.Module) -> None:
        """Take the first process's running statistics: as in every training step, they are the run's."""
        if self.size > 1:
            for buffer in model.buffers():
                dist.broadcast(buffer, 0)

    def joined(self, model: nn.Module) -> nn.Module:
        """Give what calls a model, and adds the processes' gradients up in its backward pass."""
        if self.size == 1:
            return model
        device = next(model.parameters()).device
        joined = DistributedDataParallel(
            model, device_ids=[device] if device.type == "cuda" else None, gradient_as_bucket_view=True
        )
        joined.register_comm_hook(None, _add_up)
        return joined

    def together(self, work: Callable[[], T]) -> T:
        """Do what all processes do alike, and go on only where none of them failed.

        Raises:
            KinfastError, OSError: in the first process, what went wrong in any.
            SystemExit: in the others: they have nothing to add.
        """
        if self.size == 1:
            return work()
        done: list[T] = []
        error: Exception | None = None
        try:
            done.append(work())
        except (KinfastError, OSError) as caught:
            error = caught
        said = self.each("" if error is None else " ".join(str(error).split()) or type(error).__name__)
        if not any(said):
            return done[0]
        if not self.first:
            raise SystemExit(EXIT_INPUT)
        rank, text = next((rank, text) for rank, text in enumerate(said) if text)
        raise error or RunError(f"process {rank} of {self.size}: {text}")


ALONE = Ranks()


def _add_up(_state: None, bucket: GradBucket) -> torch.futures.Future[Tensor]:
    """Add gradients up. Each process's are those of its own sites in the whole minibatch's loss: no mean is wanted."""
    work = dist.all_reduce(bucket.buffer(), async_op=True)
    added: torch.futures.Future[Tensor] = work.get_future().then(lambda future: future.value()[0])
    return added


@contextmanager
def joined_ranks(device: str) -> Iterator[Ranks]:
    """Join the processes that torchrun started; without it there is one, alone.

    Args:
        device: that was asked for: a GPU each, or the CPU.

    Raises:
        UsageError: the machine has not a GPU for each of its processes.
        RankError: another process is gone, or this one met an error, and speaks for all.
        SystemExit: another process speaks.
    """
    if not launch.one_of_several():
        yield ALONE
        return
    local, on_machine = int(os.environ[launch.LOCAL_RANK]), launch.neighbours()
    chosen = torch.device(own_device(device, local, on_machine))
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
    if chosen.type == "mps":
        raise UsageError("torchrun with Apple's GPUs: processes cannot train together on them; wanted --device cpu")
    store, rank, size = next(rendezvous("env://"))
    # after torchrun's --max-restarts it is the store of the life before, in which the dead have left their addresses
    store = PrefixStore(f"life{launch.life()}", store)
    dist.init_process_group("nccl" if chosen.type == "cuda" else "gloo", store=store, rank=rank, world_size=size)
    control = dist.group.WORLD if chosen.type == "cpu" else dist.new_group(backend="gloo")
    try:
        yield Ranks(rank, size, local, on_machine, control)
    except BaseException as error:
        ending = Spokesman(store, rank, size).ending(error)
        if ending is error:
            raise
        raise ending from error
    # not after an error: others may wait in the group, and to leave it would be to wait for them
    dist.destroy_process_group()


def own_device(wanted: str, local: int, on_machine: int) -> str:
    """Give the device of a process; of several on a machine each has a GPU of its own.

    Raises:
        UsageError: there is none for it.
    """
    device = choose_device(wanted)
    chosen = torch.device(device)
    if on_machine == 1 or chosen.type == "cpu":
        return device
    if chosen.type != "cuda" or chosen.index is not None:
        raise UsageError(f"--device {wanted} for {on_machine} processes: wanted auto or cuda, a GPU for each, or cpu")
    if on_machine > (gpus := torch.cuda.device_count()):
        raise UsageError(
            f"{on_machine} processes for {gpus} GPUs: each takes one; wanted torchrun --nproc-per-node {gpus}, or "
            "--device cpu"
        )
    return f"cuda:{local}"
