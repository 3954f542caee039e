"""`autotune doctor`."""

from tilewright import doctor
from tilewright.commands.command import Command

COMMANDS = [Command("doctor", "say what works on this machine, what does not and why", doctor.run)]
