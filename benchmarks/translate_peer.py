"""Translation in PyTorch, one figure for each line asked: run by the interpreter that `--peer_python` names.

Imports nothing of this project, whose environment has no PyTorch.
"""

import json
import sys
import time

import torch
from torch import nn

VOCABULARY, EMBEDDING, UNITS, HIDDEN, LENGTH, BATCH, LIMIT = 4_000, 128, 192, 128, 28, 32, 64


class Translator(nn.Module):
    """Bidirectional GRU encoder, GRU decoder, additive attention over all steps at once in training."""

    def __init__(self):
        super().__init__()
        self.embed_source, self.embed_target = (nn.Embedding(VOCABULARY, EMBEDDING) for _ in range(2))
        self.encoder = nn.GRU(EMBEDDING, UNITS, batch_first=True, bidirectional=True)
        self.decoder = nn.GRU(EMBEDDING, UNITS, batch_first=True)
        self.bridge = nn.Linear(2 * UNITS, UNITS)
        self.query = nn.Linear(UNITS, HIDDEN, bias=False)
        self.key = nn.Linear(2 * UNITS, HIDDEN)
        self.scale = nn.Linear(HIDDEN, 1, bias=False)
        self.combine = nn.Linear(3 * UNITS, UNITS)
        self.logits = nn.Linear(UNITS, VOCABULARY)
        self.drop = nn.Dropout(0.2)

    def read(self, source):
        """Returns memory, keys, mask and the decoder's first state."""
        memory, last = self.encoder(self.drop(self.embed_source(source)))
        first = torch.tanh(self.bridge(torch.cat([last[0], last[1]], -1)))[None]
        return memory, self.key(memory), source > 0, first

    def look(self, states, memory, keys, mask):
        """Returns the output for each state."""
        hidden = torch.tanh(self.query(states)[:, :, None] + keys[:, None])
        scores = self.scale(hidden)[..., 0].masked_fill(~mask[:, None], -1e9)
        context = torch.softmax(scores, -1) @ memory
        return torch.tanh(self.combine(torch.cat([context, states], -1)))

    def forward(self, source, target):
        """Returns logits after each token."""
        memory, keys, mask, first = self.read(source)
        states, _ = self.decoder(self.drop(self.embed_target(target)), first)
        return self.logits(self.drop(self.look(states, memory, keys, mask)))


def training(model):
    """Returns a training step, and the number of target tokens in it."""
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    source, target = torch.randint(1, VOCABULARY, (2, BATCH, LENGTH))

    def update():
        loss = nn.functional.cross_entropy(model(source, target).reshape(-1, VOCABULARY), target.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return update, BATCH * LENGTH


def greedy(model, batch):
    """Returns a loop of single steps, keys computed once, and the tokens that it writes."""
    source = torch.randint(1, VOCABULARY, (batch, LENGTH))

    def run():
        model.eval()
        with torch.inference_mode():
            memory, keys, mask, state = model.read(source)
            tokens, written = torch.full((batch, 1), 2), []
            for _ in range(LIMIT):
                states, state = model.decoder(model.embed_target(tokens), state)
                tokens = model.logits(model.look(states, memory, keys, mask)).argmax(-1)
                written.append(tokens)
        model.train()

    return run, batch * LIMIT


def main() -> None:
    """Does the piece of work named on each line of the standard input, and prints how many tokens a second."""
    torch.set_num_threads(2)
    torch.manual_seed(0)
    model = Translator()
    work = {"training": training(model), "greedy 1": greedy(model, 1), "greedy 32": greedy(model, 32)}
    for line in sys.stdin:
        name, repeats = line.rsplit(" ", 1)
        run, units = work[name]
        run()
        start = time.perf_counter()
        for _ in range(int(repeats)):
            run()
        print(json.dumps(units * int(repeats) / (time.perf_counter() - start)), flush=True)


if __name__ == "__main__":
    main()
