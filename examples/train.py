"""A training script that knows nothing of sweeps: a perceptron for digits, in bare PyTorch."""

import argparse

import torch
from sklearn.datasets import load_digits

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--hidden", type=int, default=64)
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

torch.manual_seed(args.seed)
X, y = (torch.tensor(array) for array in load_digits(return_X_y=True))
X = X.float() / 16
train, val = torch.arange(len(y)) % 5 > 0, torch.arange(len(y)) % 5 == 0
model = torch.nn.Sequential(
    torch.nn.Linear(64, args.hidden), torch.nn.ReLU(), torch.nn.Linear(args.hidden, 10)
)
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)

for epoch in range(1, args.epochs + 1):
    train_loss = 0.0
    for batch in torch.randperm(int(train.sum())).split(64):
        loss = torch.nn.functional.cross_entropy(model(X[train][batch]), y[train][batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * len(batch) / int(train.sum())
    with torch.no_grad():
        val_acc = (model(X[val]).argmax(1) == y[val]).float().mean().item()
    print(f"epoch {epoch} val_acc {val_acc:.4f} train_loss {train_loss:.4f}")
