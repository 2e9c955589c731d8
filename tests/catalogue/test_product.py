"""What is offered to somebody who bought something, and what takes a product's place (R9, R6, A16, U1–U3)."""

from __future__ import annotations

from shared.domain.catalogue.product import Product, replacement, suggest


def catalogue(*products: Product) -> dict[str, Product]:
    return {product.sku: product for product in products}


def line(sku, **more):
    return {"sku": sku, "name": f"món {sku}", **more}


SHOE = Product(sku="giày", name="Giày chạy", category="Giày", complements=("lót", "vớ"))
INSOLE = Product(sku="lót", name="Lót giày êm chân", url="https://nhamay.example/sp/lot")
SOCKS = Product(sku="vớ", name="Vớ cao cấp", category="Tất vớ")


def test_u2_shoes_bring_the_insole_that_goes_with_them():
    offered = suggest([line("giày")], catalogue(SHOE, INSOLE, SOCKS))

    assert offered == ("lót", "Lót giày êm chân", "https://nhamay.example/sp/lot", "complement", "món giày")


def test_u3_nobody_is_offered_what_they_have_or_what_the_catalogue_does_not_know():
    goods = catalogue(SHOE, INSOLE, SOCKS)

    assert suggest([line("giày")], goods, owned={"lót"}).sku == "vớ"
    assert suggest([line("giày"), line("lót")], goods).sku == "vớ"
    assert suggest([line("giày")], goods, owned={"lót", "vớ"}) is None
    assert suggest([line("giày")], catalogue(SHOE, SOCKS)).sku == "vớ"
    assert suggest([line("mũ"), {"name": "không mã"}], goods) is None


def test_r9_what_the_store_has_goes_first_and_what_nobody_has_is_not_offered():
    def offered(insole, socks, store="Quận 1"):
        lots = [product.model_copy(update={"stock": stock}) for product, stock in ((INSOLE, insole), (SOCKS, socks))]
        found = suggest([line("giày")], catalogue(SHOE, *lots), store=store)
        return found and found.sku

    here, there, none, whole_shop = {"Quận 1": {"39": 2}}, {"Thủ Đức": {"": 5}}, {"Quận 1": {"": -1}}, {"": {"": 3}}
    assert offered(there, here) == "vớ"
    assert offered({}, here) == "vớ"
    assert offered(whole_shop, here) == "vớ"
    assert offered({}, there) == "lót"
    assert offered(there, {}) == "vớ"
    assert offered(there, none) == "lót"
    assert offered(none, none) is None
    assert offered(there, {}, store="") == "vớ"


def test_r6_a_sensitive_purchase_is_not_used_and_a_sensitive_product_not_offered():
    goods = catalogue(SHOE, SOCKS, INSOLE)

    assert suggest([line("giày")], goods, sensitive=("giày",)) is None
    assert suggest([line("giày", category=" GIÀY ")], goods, sensitive=("giày",)) is None
    assert suggest([line("giày", category="Quà tặng")], goods, sensitive=("quà tặng",)) is None
    assert suggest([line("giày")], goods, owned={"lót"}, sensitive=("tất vớ",)) is None


def test_a16_the_last_of_a_chain_of_successors_replaces_a_product():
    goods = catalogue(
        Product(sku="1", name="Máy đời 1", replaced_by="2"),
        Product(sku="2", name="Máy đời 2", replaced_by="3"),
        Product(sku="3", name="Máy đời 3", replaced_by="4", url="https://nhamay.example/sp/3"),
    )

    assert replacement("1", goods) == ("3", "Máy đời 3", "https://nhamay.example/sp/3", "replacement", "Máy đời 1")
    assert replacement("3", goods) is None
    assert replacement("9", goods) is None
    assert replacement("1", goods, owned={"3"}) is None


def test_a16_no_replacement_is_named_that_is_sensitive_or_sold_out_and_a_circle_ends():
    old = Product(sku="1", name="Cũ", category="Áo", replaced_by="2")
    new = Product(sku="2", name="Mới", category="Sức khoẻ", replaced_by="1", stock={"Quận 1": {"": 1}})

    assert replacement("1", catalogue(old, new)).sku == "2"
    assert replacement("1", catalogue(old, new), sensitive=("sức khoẻ",)) is None
    assert replacement("1", catalogue(old, new), sensitive=("áo",)) is None
    assert replacement("1", catalogue(old, new.model_copy(update={"stock": {"Quận 1": {"": 0}}}))) is None
