// Made by `npm run generate`; do not edit.
/** The documents of contracts/screens by their SHA-256. */
export const screens: Readonly<Record<string, string>> = {
  // AdScreen
  '52ed6605fe0ffc61ef88f408bdb5ce25f31479610de326214b3382c9f7ecf026':
    "query AdScreen($id:ID!){adPage(id:$id){ad{...AdCard description category attributes{id value}photos{id url}createdAt}seller{id name rating reviews sales since}similar(first:6){...AdCard}}}fragment AdCard on Ad{id title price{amount currency}city status photos{thumbUrl width height}}",
  // Checkout
  'b49123b7da6ef5dfbf94252566751dd679e12592f35870813acc632159574786':
    "query Checkout($ad:ID!$city:ID!){checkout(ad:$ad city:$city){ad{...AdCard}quotes{method courier price{amount currency}estimated{from to}}pickupPoints{items{id name address latitude longitude courier hours}nextCursor}}}fragment AdCard on Ad{id title price{amount currency}city status photos{thumbUrl width height}}",
  // PlaceOrder
  '285dcab71246956955d4b1f61499f83b33cd3961f4cd46e9d9bd58f64e62bb4a':
    "mutation PlaceOrder($idempotencyKey:String!$adId:ID!$delivery:DeliveryInput!){placeOrder(idempotencyKey:$idempotencyKey adId:$adId delivery:$delivery){...OrderState}}fragment OrderState on Order{...OrderCard price{amount currency}deliveryPrice{amount currency}payment{id status confirmationUrl}delivery{method address pickupPoint stage trackingNumber estimated{from to}}createdAt}fragment OrderCard on Order{id status cancelReason ad{id title thumbUrl}total{amount currency}actions updatedAt}",
  // Home
  '0dd6fbb675a62b56a571aa3b0df068a86d67af9980e19f4ab9a6c6f9b7605b6f':
    "query Home($first:Int=20$after:String$city:ID){home{categories{id name{ru en}ads}cities{id name{ru en}}newest(first:$first after:$after city:$city){items{...AdCard}nextCursor}}}fragment AdCard on Ad{id title price{amount currency}city status photos{thumbUrl width height}}",
  // Me
  '67c8dbfb7f84742c7fcc99b242b498f46f2d20f17f8191c49e043ec572f9b4ad':
    "query Me{me{id email name phone language roles orders(first:5){items{...OrderCard}nextCursor}notifications(first:1){unread}}}fragment OrderCard on Order{id status cancelReason ad{id title thumbUrl}total{amount currency}actions updatedAt}",
  // Purchases
  'd5857a75ae467507058388552fdd830b7ce9c5dcea86dfd8e963acd66a4ac8d5':
    "query Purchases($after:String$status:OrderStatus){me{id orders(first:20 after:$after status:$status){items{...OrderCard ad{ad{seller{id name}}}}nextCursor}}}fragment OrderCard on Order{id status cancelReason ad{id title thumbUrl}total{amount currency}actions updatedAt}",
  // Sales
  '84c892a9ba9976e14f06b3f61e0b9309d43b0437b6cdf5f44ebe8ab0e33c0f91':
    "query Sales($after:String$status:OrderStatus){me{id sales(first:20 after:$after status:$status){items{...OrderCard}nextCursor}}}fragment OrderCard on Order{id status cancelReason ad{id title thumbUrl}total{amount currency}actions updatedAt}",
  // MyAds
  'cd7e83f2b0108fb14aa049b7af044dcab6b25612a04492ac64dc459b7fb0126a':
    "query MyAds($after:String$status:AdStatus){me{id ads(first:20 after:$after status:$status){items{...AdCard rejectionReason}nextCursor}}}fragment AdCard on Ad{id title price{amount currency}city status photos{thumbUrl width height}}",
  // Favourites
  '91b3172c42d2f6e6e00c44aefc9bdfbcbb8e82733a319e0dcd4e010dfd960d07':
    "query Favourites($after:String){me{id favourites(first:20 after:$after){items{...AdCard}nextCursor}savedSearches{id name query{q category city priceMin priceMax}}}}fragment AdCard on Ad{id title price{amount currency}city status photos{thumbUrl width height}}",
  // Notifications
  '513c0c66c86a970c6463d9b9d3b04d032311573deec66e50bb1dcf77c9087362':
    "query Notifications($after:String){me{id notifications(first:20 after:$after){items{id kind title text link read createdAt}nextCursor unread}}}",
  // AddFavourite
  'd17cc94c271a241e6057d6fd3a03fbfdd8f8a85ed2414d8a057d2efb895f97ae':
    "mutation AddFavourite($adId:ID!){addFavourite(adId:$adId){adId favourite}}",
  // RemoveFavourite
  'cfaa43ada199cb5930fde791fc85d1e6789e3b9b2ceb49be010132575a0a6911':
    "mutation RemoveFavourite($adId:ID!){removeFavourite(adId:$adId){adId favourite}}",
  // SaveSearch
  '5a515a701d5ca8fbf7a54f967f653de02493d06f4a993e333c5a0c33dc7c17e6':
    "mutation SaveSearch($name:String!$query:SavedQueryInput!){saveSearch(name:$name query:$query){id name query{q category city priceMin priceMax}}}",
  // RemoveSavedSearch
  'e00b86f4d4d8a4a4eda3948296f2d6e2fcb88d09031e049b71b0b23352351e9e':
    "mutation RemoveSavedSearch($id:ID!){removeSavedSearch(id:$id)}",
  // MarkRead
  '7a0f0d38d0dd6eb03c76505e69c2cacb84a4a159acaa0a93bfc5c4fe7dccba50':
    "mutation MarkRead($upTo:ID!){markRead(upTo:$upTo)}",
  // ChangeProfile
  '5e93bad4903f76efc532e7558e9916408e8e89a85a97711a3e797a1fec92dd04':
    "mutation ChangeProfile($name:String$phone:String$language:Language){changeProfile(name:$name phone:$phone language:$language){id name phone language}}",
  // Report
  '159b163cb54a1b834d7eb20d771db0427a7384da8bb0ac5d4b565a5f1a457090':
    "mutation Report($subject:SubjectInput!$reason:ReportReason!$comment:String){report(subject:$subject reason:$reason comment:$comment){id status message}}",
  // OrderScreen
  '3c62df3db0ac4175ea0266302a6cf136fea5f9d3d50e38722d97155dfe5fcacf':
    "query OrderScreen($id:ID!){orderPage(id:$id){...WholeOrder ad{...AdCard seller{id name}}}}fragment WholeOrder on OrderPage{order{...OrderState}timeline{kind status stage reason at}}fragment OrderState on Order{...OrderCard price{amount currency}deliveryPrice{amount currency}payment{id status confirmationUrl}delivery{method address pickupPoint stage trackingNumber estimated{from to}}createdAt}fragment OrderCard on Order{id status cancelReason ad{id title thumbUrl}total{amount currency}actions updatedAt}fragment AdCard on Ad{id title price{amount currency}city status photos{thumbUrl width height}}",
  // CancelOrder
  '6af81dab98d8cb8f54d5d9e0e3c11dbeadf5a6468aa2e127e9e2290f7579922f':
    "mutation CancelOrder($id:ID!){cancelOrder(id:$id){...OrderState}}fragment OrderState on Order{...OrderCard price{amount currency}deliveryPrice{amount currency}payment{id status confirmationUrl}delivery{method address pickupPoint stage trackingNumber estimated{from to}}createdAt}fragment OrderCard on Order{id status cancelReason ad{id title thumbUrl}total{amount currency}actions updatedAt}",
  // AcceptOrder
  '74d9bf3e8070efb4604088789b771482a205aa93c2fabafa2ac8fe8848f87820':
    "mutation AcceptOrder($id:ID!){acceptOrder(id:$id){...OrderState}}fragment OrderState on Order{...OrderCard price{amount currency}deliveryPrice{amount currency}payment{id status confirmationUrl}delivery{method address pickupPoint stage trackingNumber estimated{from to}}createdAt}fragment OrderCard on Order{id status cancelReason ad{id title thumbUrl}total{amount currency}actions updatedAt}",
  // Review
  '9f05e81f1a6345c84c85ab932feb3ff366e721478a999eb996ad048f84aef873':
    "mutation Review($orderId:ID!$rating:Int!$text:String){review(orderId:$orderId rating:$rating text:$text){orderId rating text createdAt}}",
  // TrackOrder
  '4652a418b2129cb908d06ad7ef411f7ea569d1e920a1612d6c3100a0d4c06c10':
    "subscription TrackOrder($order:ID!$after:String){orderUpdates(order:$order after:$after){__typename position ...on Reset{reason}...on StatusUpdate{status cancelReason at}...on DeliveryUpdate{stage trackingNumber at}}}",
  // Search
  '79903a3716245583b7cfa4b175af9c145e1feb3252666d50a2ad1634d2a85893':
    "query Search($q:String$category:ID$city:ID$priceMin:Float$priceMax:Float$near:Point$radiusKm:Float$sort:SearchSort$after:String){search(q:$q category:$category city:$city priceMin:$priceMin priceMax:$priceMax near:$near radiusKm:$radiusKm sort:$sort first:20 after:$after){items{...AdCard}total facets{category{value count}city{value count}price{from to count}}nextCursor}}fragment AdCard on Ad{id title price{amount currency}city status photos{thumbUrl width height}}",
  // Suggestions
  'caa608b4b2cf96f86b1b04d71248d9b0c0722548593d6ea8b4e06d5b5501cd87':
    "query Suggestions($q:String!){suggestions(q:$q)}",
  // SellerScreen
  'c70de4573002068893db886b10bc69123f59032736340fae6b18d9267e394b21':
    "query SellerScreen($id:ID!$after:String){sellerPage(id:$id){seller{id name rating reviews sales since}ads(first:20 after:$after){items{...AdCard}nextCursor}reviews(first:10){items{orderId author{id name}rating text createdAt}nextCursor}}}fragment AdCard on Ad{id title price{amount currency}city status photos{thumbUrl width height}}",
};

/** The SHA-256 of each, by its name. */
export const screenIds = {
  AdScreen: '52ed6605fe0ffc61ef88f408bdb5ce25f31479610de326214b3382c9f7ecf026',
  Checkout: 'b49123b7da6ef5dfbf94252566751dd679e12592f35870813acc632159574786',
  PlaceOrder: '285dcab71246956955d4b1f61499f83b33cd3961f4cd46e9d9bd58f64e62bb4a',
  Home: '0dd6fbb675a62b56a571aa3b0df068a86d67af9980e19f4ab9a6c6f9b7605b6f',
  Me: '67c8dbfb7f84742c7fcc99b242b498f46f2d20f17f8191c49e043ec572f9b4ad',
  Purchases: 'd5857a75ae467507058388552fdd830b7ce9c5dcea86dfd8e963acd66a4ac8d5',
  Sales: '84c892a9ba9976e14f06b3f61e0b9309d43b0437b6cdf5f44ebe8ab0e33c0f91',
  MyAds: 'cd7e83f2b0108fb14aa049b7af044dcab6b25612a04492ac64dc459b7fb0126a',
  Favourites: '91b3172c42d2f6e6e00c44aefc9bdfbcbb8e82733a319e0dcd4e010dfd960d07',
  Notifications: '513c0c66c86a970c6463d9b9d3b04d032311573deec66e50bb1dcf77c9087362',
  AddFavourite: 'd17cc94c271a241e6057d6fd3a03fbfdd8f8a85ed2414d8a057d2efb895f97ae',
  RemoveFavourite: 'cfaa43ada199cb5930fde791fc85d1e6789e3b9b2ceb49be010132575a0a6911',
  SaveSearch: '5a515a701d5ca8fbf7a54f967f653de02493d06f4a993e333c5a0c33dc7c17e6',
  RemoveSavedSearch: 'e00b86f4d4d8a4a4eda3948296f2d6e2fcb88d09031e049b71b0b23352351e9e',
  MarkRead: '7a0f0d38d0dd6eb03c76505e69c2cacb84a4a159acaa0a93bfc5c4fe7dccba50',
  ChangeProfile: '5e93bad4903f76efc532e7558e9916408e8e89a85a97711a3e797a1fec92dd04',
  Report: '159b163cb54a1b834d7eb20d771db0427a7384da8bb0ac5d4b565a5f1a457090',
  OrderScreen: '3c62df3db0ac4175ea0266302a6cf136fea5f9d3d50e38722d97155dfe5fcacf',
  CancelOrder: '6af81dab98d8cb8f54d5d9e0e3c11dbeadf5a6468aa2e127e9e2290f7579922f',
  AcceptOrder: '74d9bf3e8070efb4604088789b771482a205aa93c2fabafa2ac8fe8848f87820',
  Review: '9f05e81f1a6345c84c85ab932feb3ff366e721478a999eb996ad048f84aef873',
  TrackOrder: '4652a418b2129cb908d06ad7ef411f7ea569d1e920a1612d6c3100a0d4c06c10',
  Search: '79903a3716245583b7cfa4b175af9c145e1feb3252666d50a2ad1634d2a85893',
  Suggestions: 'caa608b4b2cf96f86b1b04d71248d9b0c0722548593d6ea8b4e06d5b5501cd87',
  SellerScreen: 'c70de4573002068893db886b10bc69123f59032736340fae6b18d9267e394b21',
} as const;
