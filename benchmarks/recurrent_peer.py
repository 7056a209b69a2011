"""The recurrent work in PyTorch, one line of JSON for each piece: run by the interpreter that `--peer_python` names.

Imports nothing of this project, whose environment has no PyTorch.
"""

import json
import sys
import time

import torch
from torch import nn

VOCABULARY, EMBEDDING, HIDDEN, STEPS, BATCH = 2_000, 128, 256, 64, 64


class LanguageModel(nn.Module):
    """Embedding, one recurrent layer, logits."""

    def __init__(self, kind, bidirectional=False):
        super().__init__()
        self.embed = nn.Embedding(VOCABULARY, EMBEDDING)
        self.cell = kind(EMBEDDING, HIDDEN, batch_first=True, bidirectional=bidirectional)
        self.logits = nn.Linear(HIDDEN * (2 if bidirectional else 1), VOCABULARY)

    def forward(self, tokens):
        """Returns logits for each token."""
        return self.logits(self.cell(self.embed(tokens))[0])


def updates(kind, bidirectional=False, bfloat16=False):
    """Returns a training step, and the number of tokens in it."""
    torch.manual_seed(0)
    model = LanguageModel(kind, bidirectional)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    tokens = torch.randint(0, VOCABULARY, (BATCH, STEPS))

    def update():
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            logits = model(tokens)
        loss = nn.functional.cross_entropy(logits.float().reshape(-1, VOCABULARY), tokens.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return update, BATCH * STEPS


def cell_step():
    """Returns one step of an LSTM cell at batch 1, and 1."""
    cell = nn.LSTMCell(EMBEDDING, HIDDEN)
    x, h, c = torch.randn(1, EMBEDDING), torch.zeros(1, HIDDEN), torch.zeros(1, HIDDEN)

    def run():
        with torch.inference_mode():
            cell(x, (h, c))

    return run, 1


WORK = {
    "lstm": lambda: updates(nn.LSTM),
    "lstm_bfloat16": lambda: updates(nn.LSTM, bfloat16=True),
    "gru": lambda: updates(nn.GRU),
    "bidirectional": lambda: updates(nn.LSTM, bidirectional=True),
    "step": cell_step,
}


def main() -> None:
    """Does the piece of work named on each line of the standard input, and prints how many a second."""
    torch.set_num_threads(2)
    made = {}
    for line in sys.stdin:
        name, repeats = line.split()
        if name not in made:
            made[name] = WORK[name]()
            for _ in range(3):
                made[name][0]()
        run, units = made[name]
        start = time.perf_counter()
        for _ in range(int(repeats)):
            run()
        print(json.dumps(units * int(repeats) / (time.perf_counter() - start)), flush=True)


if __name__ == "__main__":
    main()
