"""A bare PyTorch loop: each epoch reports its accuracy, and the training loss beside it.

Run it as `python examples/plain_pytorch.py`; it takes a quarter of a minute on two cores.
"""

import torch
from scipy import stats
from sklearn.datasets import load_digits
from torch import nn

import sweeper

config_space = {"learning_rate": stats.loguniform(1e-3, 1), "num_hiddens": [16, 64, 256]}


def objective(config, max_epochs=9):
    images, digits = (torch.tensor(part) for part in load_digits(return_X_y=True))
    images = images.float() / 16
    num_train = len(images) - 400  # the rest is for validation
    num_hiddens = config["num_hiddens"]
    model = nn.Sequential(nn.Linear(64, num_hiddens), nn.ReLU(), nn.Linear(num_hiddens, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=config["learning_rate"])
    for _ in range(max_epochs):
        for batch in torch.randperm(num_train).split(32):
            loss = nn.functional.cross_entropy(model(images[batch]), digits[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        with torch.no_grad():
            hits = model(images[num_train:]).argmax(1) == digits[num_train:]
        sweeper.report({"accuracy": hits.float().mean(), "train_loss": loss.detach()})
    torch.save(model.state_dict(), sweeper.current_trial().folder / "model.pt")


if __name__ == "__main__":
    searcher = sweeper.RandomSearch(num_trials=12)
    results = sweeper.run(objective, config_space, searcher, metric="accuracy", mode="max")
    print(results.frame.to_string())
    print("best:", results.best_value, results.best_config, results.best_folder / "model.pt")
