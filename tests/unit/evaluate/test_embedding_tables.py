"""Embeddings as tables: means over unflagged sites, metadata that hold, and what replicates find of each other."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kinfast import schema
from kinfast.errors import InputError, UsageError
from kinfast.evaluate.embedding_tables import feature_columns, tabulate_embeddings
from kinfast.evaluate.embeddings import embedded_sites
from kinfast.evaluate.known_sites import known_sites


def planted(compounds: int = 6, wells: int = 4) -> tuple[pd.DataFrame, np.ndarray]:
    """Two plates, 8 controls each; the first half of the compounds shift features, C0 and C1 the same way."""
    rng = np.random.default_rng(0)
    rows, values = [], []
    directions = rng.normal(size=(compounds, 12))
    directions[1] = directions[0] + 0.1 * directions[1]
    for plate in (0, 1):
        names = ["DMSO"] * 8 + [f"C{number}" for number in range(compounds) for _ in range(wells)]
        for well, name in enumerate(names):
            effect = 6 * directions[int(name[1:])] if name != "DMSO" and int(name[1:]) < compounds // 2 else 0
            for site in (1, 2):
                rows.append({
                    schema.PLATE: f"P{plate}", schema.WELL: f"B{well + 1:02d}", schema.SITE: site, schema.TIMEPOINT: 1,
                    schema.COMPOUND: name, schema.ROLE: "negcon" if name == "DMSO" else "trt",
                    schema.TARGET: {"C0": "EGFR", "C1": "EGFR", "C2": "MTOR"}.get(name),
                    "Flag_blurred": False, schema.FLAG_EXCLUDED: False, "Quality_mean_DNA": 1.0,
                })  # fmt: skip
                values.append(rng.normal(size=12) + effect + 30 * plate)
    return pd.DataFrame(rows), np.array(values, np.float32)


def test_wells_and_compounds_are_means_of_unflagged_sites() -> None:
    sites, values = planted()
    sites.loc[1, "Flag_blurred"] = True
    sites.loc[[2, 3], "Flag_blurred"] = True
    made = tabulate_embeddings(sites, [values[:, :5], values[:, 5:]])
    features = feature_columns(made.sites)
    assert features[0] == "Image_Embedding_0_0000"
    assert features[-1] == "Image_Embedding_1_0006"
    assert not set(made.sites.columns) & {"Quality_mean_DNA", "Flag_blurred"}
    np.testing.assert_array_equal(made.sites[features].to_numpy(), values)
    assert all(str(dtype) == "float32" for dtype in made.wells[features].dtypes)
    np.testing.assert_allclose(made.wells.loc[0, features].to_numpy(np.float64), values[0])  # its other site is blurred
    assert made.wells["Metadata_Sites"].tolist()[:2] == [1, 2]
    assert made.wells[schema.WELL].tolist()[:2] == ["B01", "B03"]
    assert any("1 wells have flagged sites only" in note for note in made.notes)
    assert made.compounds is not None
    one = made.compounds.set_index(schema.COMPOUND)
    assert one.loc["C0", "Metadata_Wells"] == 8
    mean = values[(sites[schema.COMPOUND] == "C0").to_numpy()].mean(axis=0)
    # float32 means of means: a few units in the last of 24 bits
    np.testing.assert_allclose(one.loc["C0", features].to_numpy(np.float64), mean, rtol=1e-6)
    assert one.loc["C0", schema.TARGET] == "EGFR"
    assert schema.PLATE not in made.compounds


def test_sites_that_were_trained_on_are_marked_and_taint_their_wells() -> None:
    sites, values = planted()
    known = sites.loc[[0, 4], schema.KEY].assign(**{schema.PART: ["train", "test"]})
    made = tabulate_embeddings(sites, [values], known)
    assert made.sites["Metadata_Trained_On"].sum() == 1
    assert made.wells["Metadata_Trained_On"].tolist()[:3] == [True, False, False]
    assert any("trained on" in note for note in made.notes)


def test_plates_of_one_name_are_told_apart_by_their_images() -> None:
    sites, _ = planted()
    sites["Quality_mean_DNA"] = np.random.default_rng(1).uniform(200, 900, len(sites))
    run = sites.assign(**{schema.PART: "train"})
    assert known_sites(run, sites).all()
    other_screen = sites.assign(Quality_mean_DNA=sites["Quality_mean_DNA"] + 0.5)
    assert not known_sites(run, other_screen).any()
    merged = run.assign(**{schema.PLATE: "first:" + run[schema.PLATE]})  # as trained on together with another store
    assert known_sites(merged, sites).all()
    assert not known_sites(run, sites, [schema.PART_VALIDATION]).any()


def test_normalising_takes_the_plates_apart_from_nothing_but_their_offset() -> None:
    sites, values = planted()
    with pytest.raises(UsageError, match="no normalisation 'x'"):
        tabulate_embeddings(sites, [values], normalisation="x")
    for way in ("standardise", "tvn"):
        made = tabulate_embeddings(sites, [values], normalisation=way).wells
        controls = made[made[schema.ROLE] == "negcon"].groupby(schema.PLATE)[feature_columns(made)].mean()
        np.testing.assert_allclose(controls.to_numpy(), 0, atol=1e-5)


def test_replicates_find_each_other_and_compounds_their_target() -> None:
    pytest.importorskip("copairs")
    from kinfast.evaluate.retrieval import retrieve

    sites, values = planted()
    found = retrieve(tabulate_embeddings(sites, [values]).wells, normalised=False)
    said = found.compounds.set_index(schema.COMPOUND)
    assert said["retrieved"].to_dict() == {f"C{number}": number < 3 for number in range(6)}
    assert said.loc["C0", "mean_average_precision"] == 1.0
    assert said.loc["C0", "wells"] == 8
    assert found.targets[schema.TARGET].tolist() == ["EGFR"]
    assert found.targets.loc[0, "mean_average_precision"] == 1.0


def test_parquet_is_read_back_by_key_in_any_order(tmp_path: Path) -> None:
    sites, values = planted()
    made = tabulate_embeddings(sites, [values]).sites
    made.sample(frac=1, random_state=0).to_parquet(tmp_path / "sites.parquet")
    np.savez(tmp_path / "e.npz", fold0=values)
    found, names = embedded_sites(sites, tmp_path / "sites.parquet")
    wanted, _ = embedded_sites(sites, tmp_path / "e.npz")
    np.testing.assert_array_equal(found[names].to_numpy(), wanted[names].to_numpy())
    made.head(9).to_parquet(tmp_path / "sites.parquet")
    with pytest.raises(InputError, match=f"lacks {len(sites) - 9} of the store's {len(sites)} sites"):
        embedded_sites(sites, tmp_path / "sites.parquet")


@pytest.mark.filterwarnings("ignore")  # anndata's own, where it was put beside a pandas that it does not ask for
def test_annotated_data_holds_the_same(tmp_path: Path) -> None:
    anndata = pytest.importorskip("anndata")
    from kinfast.evaluate.annotated_data import write_annotated

    sites, values = planted()
    made = tabulate_embeddings(sites, [values]).sites
    write_annotated(made, tmp_path / "sites.h5ad")
    back = anndata.read_h5ad(tmp_path / "sites.h5ad")
    np.testing.assert_array_equal(back.X, values)
    assert list(back.var_names) == feature_columns(made)
    assert back.obs[schema.COMPOUND].astype(str).tolist() == sites[schema.COMPOUND].tolist()
